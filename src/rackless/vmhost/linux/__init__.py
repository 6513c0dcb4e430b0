"""What acts on a real VM host: its disks, its boot loader, its update engine."""
