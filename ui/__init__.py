"""What the pages share: Streamlit helpers over chatcore."""
