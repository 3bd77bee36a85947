"""The contracts, as strangers rely on them."""
