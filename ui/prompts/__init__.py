"""The prompt library on the screen: the page that keeps it, and what happens when `/name` is sent."""
