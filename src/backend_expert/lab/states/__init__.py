"""Can an event be lost, a card charged twice, a seat sold twice, and is that gone after the change?"""
