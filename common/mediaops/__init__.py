"""What every part of mediaops agrees on: the two resources, work orders, operations, storage, tokens."""
