"""Headers of an answer about somebody: it is kept by nobody, and its address is told to no other site."""

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
