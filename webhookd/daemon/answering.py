"""Write the answer to one request: one that is there already, or what the application gives."""

from typing import Any

from waitress.task import ErrorTask, WSGITask

from webhookd.daemon.parser import Refusal
from webhookd.web import answers
from webhookd.web.answers import Answer


class Answering:
    """Writes an `Answer`; says `Connection: close` once the server drains, which an application may not."""

    def write_answer(self, answer: Answer) -> None:
        """Write *answer*, without its body where the method is HEAD."""
        task: Any = self
        task.status = f"{answer.status.value} {answer.status.phrase}"
        task.response_headers += answer.all_headers
        task.content_length = len(answer.body)
        task.complete = True
        task.write(b"" if task.request.head.method == "HEAD" else answer.body)

    def build_response_header(self) -> bytes:
        """Give status line and headers."""
        task: Any = self
        if task.channel.server.draining:
            task.set_close_on_finish()
        return super().build_response_header()  # type: ignore[misc,no-any-return]


class AnswerTask(Answering, WSGITask):
    """Gives the answer that is there already, or asks the application for one."""

    def execute(self) -> None:
        """Answer."""
        request: Any = self.request
        if request.answer is None:
            super().execute()
        else:
            self.write_answer(request.answer)


class RefusalTask(Answering, ErrorTask):
    """Gives an answer and closes; also when the application has raised something."""

    def execute(self) -> None:
        """Answer, and have the connection closed."""
        error = self.request.error  # type: ignore[attr-defined] # the stubs take a request for an error
        self.set_close_on_finish()
        self.write_answer(error.answer if isinstance(error, Refusal) else answers.BROKEN)
