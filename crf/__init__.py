"""Language 4: case report forms. The tables a centre keeps itself: workbooks, REDCap, ODM, databases."""
