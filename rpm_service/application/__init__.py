"""Decides order and ownership: which device, which bed, which viewer, in which sequence."""
