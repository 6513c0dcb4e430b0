"""What can be typed: the commands of operational mode, of configuration mode, and the pipes. Declared as words."""
