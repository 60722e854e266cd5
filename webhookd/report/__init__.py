"""Views of runs and deliveries for people and programs. Pure."""
