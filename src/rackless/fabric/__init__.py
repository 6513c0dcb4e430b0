"""The control plane as nodes behind one web address: who is a member, what runs where, and what follows from a loss."""
