"""Networks trained under one learning rate schedule or another."""
