"""One module per forge: all that is known of its webhooks, and nothing else. Pure."""
