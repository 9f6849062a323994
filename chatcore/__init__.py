"""The product without a screen: models, history, providers and the Runner. Never imports streamlit."""

__version__ = "0.1.0"
