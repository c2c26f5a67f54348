"""Routes for holders, through host apps that act for them."""
