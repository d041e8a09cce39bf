"""The papers' methods. Nothing in here knows about the page that shows them."""
