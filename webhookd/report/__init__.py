"""Views of runs and deliveries for people and programs. Pure: values in, text or plain JSON values out."""
