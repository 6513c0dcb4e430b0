"""Makes the VM host's appliance: its root image, boot loader, bundles, disks and installation media. Runs on any Debian 12."""
