"""From the configuration's routing hierarchies to the lines of FRR's daemons. Pure.

A daemon's lines are `block -> lines`, a block being the heads of the nested blocks that the lines stand in; () is the top.
"""
