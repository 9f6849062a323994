"""The settings page of whoever runs this installation."""
