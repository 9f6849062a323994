"""Chat with a model."""

import streamlit as st

from ui import app

st.write(app.core().models())
