"""Issues sealed electronic licences (电子证照) and lets anyone verify them."""

__version__ = "0.1.0"
