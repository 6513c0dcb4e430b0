"""What other tools read and write: containerlab topologies, Ansible inventories, drawings, CloudShell's connectivity requests.

Pure: text and nouns in, text and nouns out.
"""
