"""Attribution: which pixels speak for a class. Methods, their scores, and the check that they depend on the weights.

The methods have captum's names and conventions, and equal its results.
"""
