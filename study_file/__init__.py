"""The study file (`study.yaml`): what a study says of itself, once, for every language.

`load` reads one; `StudyFile` is its model, a module for each section. Errors name the line of the file.
"""
