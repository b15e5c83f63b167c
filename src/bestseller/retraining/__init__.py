"""Retraining on a schedule: is the news sound, what drifted, does the new model win?"""
