"""The school: pictures in, a bank of styles out."""
