"""The book as a log that cannot be rewritten unseen: the Merkle tree over its lines, and the signed heads."""
