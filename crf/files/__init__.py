"""Sources of case report forms, a module each: a workbook, a REDCap export, an ODM file, a database."""
