"""The controller's management plane: configuration, command line, rendering. Standard library only; runs in the guest."""
