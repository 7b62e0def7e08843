"""Who and what there is to work with: institutions in a tree, departments, staff with licences and positions, teams, equipment.

Answers S-RES (institutions, people, equipment, coding) and the part of S-TDI that says which person may practise what and where.
"""
