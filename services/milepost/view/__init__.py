"""Events become read models, and questions about them are answered: read in order, folded, written, opened, told.

stream -> ordered -> reading -> applying (folding) -> tables -> asking -> answers on the bus
"""
