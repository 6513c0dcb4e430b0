"""What operational commands answer: element trees with the dialect's names, and the text made of them."""
