"""Further small cases, as `small_cases` has them: one for each other condition of a rule, with the records it must let pass.

A rule with two ways to be broken could lose one of them, and an exception (not done, derived, of another evaluator) be
forgotten, while its first case still holds. What is expected is written by reasoning from the rule's text.
"""

from __future__ import annotations

from small_cases import N, Tables, Y, d

CASES: tuple[tuple[str, str, Tables], ...] = (
    # Adverse events
    (
        "AE-0006",
        "AE 2|AE 3",
        {"AE": {"AETOXGR": ["5"] * 3, "AEOUT": ["FATAL", "UNKNOWN", "FATAL"], "AESDTH": [Y, Y, N]}},
    ),
    (
        "AE-0007",
        "AE 2|AE 3",
        {"AE": {"AETOXGR": ["5", "4", "4", None], "AEOUT": ["FATAL", "FATAL", None, "FATAL"], "AESDTH": [Y, N, Y, Y]}},
    ),
    ("AE-0017", "AE 2", {"AE": {"AETERM": ["x"] * 3, "AEBODSYS": ["A", "A", None], "AEBDSYCD": [1.0, None, None]}}),
    (
        "AE-0018",  # two classes as often as each other; a term or a class that is missing is no class
        "AE 1|AE 2",
        {"AE": {"AEDECOD": ["A", "A", "B", "B", None, None], "AESOC": ["S", "T", "U", None, "V", "W"]}},
    ),
    ("AE-0019", "LB", {"LB": {"LBTESTCD": ["A"], "LBTOX": ["x"]}}),
    ("AE-0019", "LB 2", {"LB": {"LBTESTCD": ["A"] * 3, "LBTOX": ["x", "x", None], "LBTOXGR": ["1", None, None]}}),
    (
        "AE-0020",
        "AE 3",
        {"AE": {"AESTDTC": [None] * 3, "AESTRF": ["BEFORE", None, None], "AESTRTPT": [None, "BEFORE", None]}},
    ),
    # Arms
    (
        "ARM-0003",
        "DM 1|DM 2",
        {"DM": {"ARM": [None, "A", None], "ACTARM": ["A", None, None], "ARMNRS": [None, None, "SCREEN FAILURE"]}},
    ),
    (
        "ARM-0004",  # assigned and not treated, or treated though not assigned: the reason is for the arm that is missing
        "DM 3",
        {
            "DM": {
                "ARMCD": ["A", None, "A"],
                "ACTARMCD": [None, "A", "A"],
                "ARMNRS": ["ASSIGNED, NOT TREATED", "x", "x"],
            }
        },
    ),
    ("ARM-0007", "DM 3", {"TA": {"ARMCD": ["A"]}, "DM": {"ARMCD": ["A", "SCRNFAIL", "B"]}}),
    ("ARM-0007", "DM 2", {"TA": {"ARMCD": ["A"]}, "DM": {"ARMCD": ["A", "SCRNFAIL"], "ARMNRS": [None, None]}}),
    ("ARM-0012", "DM 2", {"DM": {"ARM": ["A", "A", None, "Screen Failure"], "RFENDTC": d(1, None, None, None)}}),
    ("ARM-0016", "TV 2", {"TA": {"ARMCD": ["A"], "ARM": ["Alpha"]}, "TV": {"ARM": ["Alpha", "Beta"]}}),
    ("ARM-0017", "TA 2", {"TA": {"TAETORD": ["1", "x", None]}}),
    (
        "ARM-0018",
        "TE 3",
        {"TE": {"ETCD": ["A", "B", "C"], "TEENRL": ["x", None, None], "TEDUR": [None, "P1D", None]}},
    ),
    (
        "ARM-0020",
        "DM 1",
        {"DM": {"ARMCD": ["A", "SCRNFAIL", "NOTASSGN"]}, "DS": {"USUBJID": ["9"], "DSDECOD": ["COMPLETED"]}},
    ),
    # Demographics
    ("DM-0004", "DM 2", {"DM": {"AGE": [50.0, 50.0, None], "AGEU": ["YEARS", None, None]}}),
    (
        "DM-0005",
        "DM 2",
        {
            "DM": {
                "AGEU": ["YEARS", "YEARS", None, "YEARS"],
                "AGE": [50.0, None, None, None],
                "AGETXT": [None, None, None, "40-49"],
            }
        },
    ),
    ("DM-0006", "DM 2", {"DM": {"AGE": [0.0, -1.0]}}),
    (
        "DM-0007",
        "DM 1",
        {
            "DM": {
                "AGE": [None, None, None],
                "ARMNRS": [None, "SCREEN FAILURE", None],
                "ARMCD": [None, None, "SCRNFAIL"],
            }
        },
    ),
    # Dates
    ("DTC-0005", "DM 2", {"DM": {"RFSTDTC": ["2020-01-02", "2020-01-02T08"], "RFENDTC": d(2, 2)}}),
    # Disposition, exposure
    (
        "DS-0003",  # consent again later is no first consent; a consent without a date is not compared
        "DS 3",
        {
            "DM": {"USUBJID": ["1", "2"], "RFICDTC": d(1, 1)},
            "DS": {
                "USUBJID": ["1", "1", "2", "1", "2"],
                "DSDECOD": [*["INFORMED CONSENT OBTAINED"] * 4, "RANDOMIZED"],
                "DSSTDTC": d(1, 9, 2, None, 1),
            },
        },
    ),
    (
        "DS-0004",  # events of no epoch, and what is no disposition event
        "DS 5|DS 6",
        {
            "DS": {
                "USUBJID": ["1"] * 6,
                "DSCAT": ["DISPOSITION EVENT"] * 2 + ["OTHER EVENT"] * 2 + ["DISPOSITION EVENT"] * 2,
                "EPOCH": [None, None, "T", "T", "F", "F"],
                "DSDECOD": ["COMPLETED"] * 6,
            }
        },
    ),
    (
        "DS-0006",  # a dose of 0 is no treatment, but a placebo's is, and one that is not told may be
        "DM 1|DM 3",
        {
            "DM": {"USUBJID": ["1", "2", "3"], "RFXSTDTC": d(1, 2, 2)},
            "EX": {
                "USUBJID": ["1", "1", "2", "2", "3", "3"],
                "EXTRT": ["X", "X", "X", "X", "PLACEBO", "PLACEBO"],
                "EXDOSE": [0.0, 5.0, None, 5.0, 0.0, 0.0],
                "EXSTDTC": d(1, 2, 2, 3, 1, 2),
            },
        },
    ),
    (
        "DS-0009",
        "DM 1",
        {"DM": {"ACTARMCD": [None, None], "ARMNRS": [None, "UNPLANNED TREATMENT"]}, "EX": {"EXTRT": ["x", "x"]}},
    ),
    # Identifiers
    ("ID-0002", "DM 3|AE 2", {"DM": {"STUDYID": ["S", "S", "T", None]}, "AE": {"STUDYID": ["S", "U"]}}),
    ("ID-0003", "AE 3", {"AE": {"DOMAIN": ["AE", "AE", "MH", None]}}),
    ("ID-0005", "AE 2|AE 3", {"AE": {"AESEQ": [1.0, 0.0, 1.5, None]}}),
    ("ID-0005", "AE 2|AE 3|AE 4", {"AE": {"AESEQ": ["1", "0", "01", "1.0", None]}}),
    ("ID-0006", "AE 2", {"AE": {"AETERM": ["x"] * 3, "USUBJID": ["1", None, None], "SPDEVID": [None, None, "D"]}}),
    # Lesions
    (
        "ONC-0013",
        "TR 3|TR 4",
        {"TR": {"TRTESTCD": ["LDIAM", "OTHER", "SUMDIAM", "LPERP"], "TRSTRESN": [0.0, -1.0, -1.0, -1.0]}},
    ),
    (
        "ONC-0011",
        "TR 2",
        {
            "TR": {
                "USUBJID": ["1"] * 5,
                "TRLNKID": ["T1", "T1", "T1", None, "T2"],
                "TRTESTCD": ["LDIAM"] * 5,
                "TRMETHOD": ["CT SCAN", "MRI", None, "MRI", "MRI"],
                "TRDTC": d(1, 2, 3, 4, 4),
            }
        },
    ),
    ("ONC-0024", "RS 2", {"RS": {"RSTESTCD": ["ECOG101"] * 3 + ["OTHER"], "RSSTRESC": ["5", "6", None, "6"]}}),
    (
        "ONC-0025",
        "RS 3",
        {
            "RS": {
                "USUBJID": ["1"] * 5,
                "RSTESTCD": ["OVRLRESP"] * 5,
                "RSCAT": ["RECIST 1.1"] * 4 + ["iRECIST"],
                "RSSTRESC": ["PD", "PR", "CR", "SD", "PR"],
                "RSDTC": d(5, 5, 6, 7, 8),
            }
        },
    ),
    (
        "ONC-0036",
        "PR 2|PR 4",
        {
            "PR": {
                "USUBJID": ["1"] * 5,
                "PRSEQ": [1.0, 2.0, 3.0, 4.0, 5.0],
                "PRTRT": ["x"] * 5,
                "PRDOSE": [24.0, 25.0, 2400.0, 2500.0, 25.0],
                "PRDOSU": ["Gy", "Gy", "cGy", "cGy", "mg"],
            },
            "SUPPPR": {
                "USUBJID": ["1"] * 12,
                "IDVAR": ["PRSEQ"] * 10 + ["PRSPID"] * 2,
                "IDVARVAL": ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5", "1", "1"],
                "QNAM": ["PRFRACN", "PRFRACD"] * 6,
                "QVAL": ["3", "8"] * 5 + ["9", "9"],
            },
        },
    ),
    # Qualifiers
    ("QUA-0003", "AE 2", {"AE": {"AECAT": ["A", "A", None], "AESCAT": ["B", "A", None]}}),
    (
        "QUA-0004",
        "TI 2",
        {
            "TI": {"IETESTCD": ["A", "B"], "IECAT": ["INCLUSION", None], "IESCAT": ["X", "X"]},
            "AE": {"AECAT": ["A"], "AESCAT": ["B"]},
        },
    ),
    ("QUA-0005", "TI", {"TI": {"IETESTCD": ["A"], "IESCAT": ["X"]}, "AE": {"AECAT": ["A"], "AESCAT": ["B"]}}),
    (
        "QUA-0007",
        "AE 2",
        {"AE": {"DOMAIN": ["AE"] * 3, "AECAT": ["A", "A", None], "AESCAT": ["B", "Adverse Events", None]}},
    ),
    ("QUA-0011", "CE 2", {"CE": {"CETERM": ["x"] * 3, "CEOCCUR": [Y, Y, None], "CEPRESP": [Y, None, None]}}),
    (
        "QUA-0019",
        "EC 3|EC 4|EC 5",
        {
            "EC": {
                "ECTRT": ["x"] * 8,
                "ECOCCUR": [Y, N, N, Y, None, Y, Y, N],
                "ECDOSE": [5.0, None, 5.0, 0.0, None, None, None, None],
                "ECDOSTXT": [None, None, None, None, None, "1-2", None, None],
                "ECSTAT": [None, None, None, None, None, None, "NOT DONE", None],
            }
        },
    ),
    # Results
    (
        "RES-0001",
        "LB 2|LB 3",
        {
            "LB": {
                "LBTESTCD": ["A"] * 4,
                "LBORRES": ["1", "1", None, None],
                "LBSTRESC": ["1", None, None, None],
                "LBDRVFL": [None, None, Y, None],
            }
        },
    ),
    ("RES-0002", "LB 1", {"LB": {"LBTESTCD": ["A"] * 2, "LBORRES": [None, None], "LBDRVFL": [None, Y]}}),
    (
        "RES-0003",
        "LB 2|LB 3",
        {
            "LB": {
                "LBTESTCD": ["A"] * 4,
                "LBSTAT": [None, "NOT DONE", "NOT DONE", "NOT DONE"],
                "LBORRES": ["1", "1", None, None],
                "LBSTRESC": ["1", None, "1", None],
            }
        },
    ),
    ("RES-0008", "LB 2", {"LB": {"LBTESTCD": ["A"] * 3, "LBSTRESC": ["1", None, None], "LBRESCAT": ["x", "x", None]}}),
    (
        "RES-0010",  # half a unit of the last place that is written is rounding; in powers of ten nothing is rounded
        "LB 3|LB 4|LB 6",
        {
            "LB": {
                "LBTESTCD": ["A"] * 7,
                "LBSTRESC": ["2.3", "2.3", "2.3", "<5", None, "1E3", "1E3"],
                "LBSTRESN": [2.25, 2.34, 2.36, 5.0, 5.0, 1000.4, 1000.0],
            }
        },
    ),
    (
        "RES-0014",
        "LB 2|LB 3",
        {"LB": {"LBTESTCD": ["A"] * 3, "LBSTNRLO": [1.0, 9.0, 5.0], "LBSTNRHI": [5.0, 5.0, 5.0]}},
    ),
    (
        "RES-0016",
        "LB 3|LB 4",
        {
            "LB": {
                "LBTESTCD": ["A"] * 4,
                "LBORRES": ["1", None, None, "1"],
                "LBSTRESC": ["1", "1", "1", None],
                "LBDRVFL": [None, Y, None, None],
                "LBLOBXFL": [Y] * 4,
            }
        },
    ),
    (
        "RES-0016",
        "LB 2",
        {"LB": {"LBTESTCD": ["A"] * 2, "LBORRES": [None, None], "LBSTRESC": ["1", None], "LBBLFL": [Y, Y]}},
    ),
    (
        "RES-0022",
        "LB 2",
        {
            "LB": {
                "LBTESTCD": ["A"] * 3,
                "LBORREF": ["1", None, "x"],
                "LBSTREFC": ["1", "1", "x"],
                "LBSTREFN": [1.0, None, None],
            }
        },
    ),
    (
        "RES-0023",
        "IE 2|IE 3|IE 5",
        {
            "IE": {
                "IETESTCD": ["A"] * 5,
                "IECAT": ["INCLUSION", "INCLUSION", "EXCLUSION", "EXCLUSION", "EXCLUSION"],
                "IEORRES": [N, Y, N, Y, Y],
                "IESTRESC": [N, Y, N, Y, N],
            }
        },
    ),
    # Relations
    (
        "REL-0006",
        "SUPPAE 2|SUPPAE 3",
        {
            "AE": {"AESEQ": [1.0]},
            "SUPPAE": {
                "RDOMAIN": ["AE", "AE", None, "AE"],
                "IDVAR": ["AESEQ", None, "AESEQ", None],
                "IDVARVAL": ["1", "1", "1", None],
            },
        },
    ),
    ("REL-0016", "RELREC 3", {"RELREC": {"USUBJID": ["1", "1", "1", "2"], "RELID": ["A", "A", "B", None]}}),
    (
        "REL-0017",
        "RELREC 2|RELREC 3",
        {
            "RELREC": {
                "USUBJID": ["1", "1", None, None],
                "IDVAR": ["AESEQ", "AESEQ", "AESEQ", "AELNKID"],
                "IDVARVAL": ["1", None, "1", None],
            }
        },
    ),
    (
        "REL-0018",
        "RELREC 2|RELREC 3",
        {
            "RELREC": {
                "RELTYPE": ["ONE", "ONE", "ONE", None],
                "IDVAR": ["AELNKID", "AESEQ", "AELNKID", "AESEQ"],
                "IDVARVAL": [None, None, "1", "1"],
            }
        },
    ),
    (
        "REL-0019",
        "RELREC 2",
        {
            "RELREC": {
                "USUBJID": [None, None, None, "1"],
                "RELTYPE": ["ONE", None, None, None],
                "IDVARVAL": [None, None, "1", None],
            }
        },
    ),
    (
        "REL-0020",
        "CO 2",
        {"CO": {"COVAL": ["x"] * 4, "CODTC": d(1, 1, None, None), "IDVAR": [None, "AESEQ", "AESEQ", None]}},
    ),
    (
        "REL-0021",
        "RELSUB 2|RELSUB 3|RELSUB 4",
        {
            "RELSUB": {
                "USUBJID": ["1", "1", None, "1", None],
                "POOLID": [None, None, "P", "P", "P"],
                "RSUBJID": ["2", "1", "P", "2", "1"],
            }
        },
    ),
    # Limits: the last value that fits beside the first that does not
    ("XPT-0001", "AE 2", {"AE": {"AETERM": ["x" * 200, "x" * 201]}}),
    ("XPT-0006", "SUPPAEXYZ", {"SUPPAEXY": {"QNAM": ["X"]}, "SUPPAEXYZ": {"QNAM": ["X"]}}),
    ("STR-0018", "AEXYZ", {"AEXY": {"DOMAIN": ["AE"], "AETERM": ["x"]}, "AEXYZ": {"DOMAIN": ["AE"], "AETERM": ["x"]}}),
    ("CT-0012", "QS 2", {"QS": {"QSTESTCD": ["A", "B"], "QSTEST": ["x" * 40, "x" * 41]}}),
    ("TS-0017", "TS 3", {"TS": {"TSPARMCD": ["SSTDTC", "SENDTC", "DCUTDTC"], "TSVAL": d(5, 5, 4)}}),
    (
        "VIS-0011",
        "LB 1|LB 4",
        {
            "SV": {"USUBJID": ["1"], "VISITNUM": [1.0], "SVSTDTC": d(2), "SVENDTC": d(4)},
            "LB": {"USUBJID": ["1"] * 4, "LBTESTCD": ["A"] * 4, "VISITNUM": [1.0] * 4, "LBDTC": d(1, 2, 4, 5)},
        },
    ),
    (
        "DTC-0025",
        "SE 1",
        {
            "SE": {
                "USUBJID": ["1", "1", "2", "2"],
                "SESEQ": [1.0, 2.0] * 2,
                "ETCD": ["A", "B"] * 2,
                "SESTDTC": d(2, 1, 2, 2),
            }
        },
    ),
    (
        "ONC-0008",
        "|".join(f"TU {row}" for row in range(6, 12)),
        {
            "TU": {
                "USUBJID": ["1"] * 5 + ["2"] * 6,
                "TULNKID": [f"T{at}" for at in (*range(5), *range(6))],
                "TUORRES": ["TARGET"] * 11,
            },
            "RS": {"RSTESTCD": ["OVRLRESP"] * 2, "RSCAT": ["RECIST 1.1"] * 2},
        },
    ),
    (
        "ONC-0009",
        "TU 3|TU 4|TU 5",
        {
            "TU": {
                "USUBJID": ["1"] * 2 + ["2"] * 3,
                "TULNKID": ["T1", "T2", "T1", "T2", "T3"],
                "TUORRES": ["TARGET"] * 5,
                "TULOC": ["LIVER"] * 2 + ["LUNG", "LUNG LOBE", "LUNG"],
            },
            "RS": {"RSTESTCD": ["OVRLRESP"] * 2, "RSCAT": ["RECIST 1.1"] * 2},
        },
    ),
    # What is there without a value is not there
    ("ID-0007", "TU", {"TU": {"TULNKID": ["T1"]}, "TR": {"TRTESTCD": ["LDIAM"], "TRLNKID": [None]}}),
    ("ID-0008", "TR", {"TR": {"TRLNKGRP": ["A"]}, "RS": {"RSTESTCD": ["OVRLRESP"], "RSLNKGRP": [None]}}),
    ("STR-0006", "AE", {"AE": {"AETERM": ["x"], "AESEQ": ["1"]}, "CM": {"CMTRT": ["x"], "CMSTDY": [None]}}),
    # Second ways to break a rule
    ("STR-0016", "AE 2", {"AE": {"DOMAIN": ["AE", "A"]}}),
    ("STR-0012", "CM", {"CM": {"CMTRT": ["x"], "CMMETHOD": ["y"]}, "LB": {"LBTESTCD": ["A"], "LBMETHOD": ["y"]}}),
    ("STR-0022", "AE", {"AE": {"AETERM": ["x"], "MIDS": ["M1"]}, "CM": {"CMTRT": ["x"]}}),
    ("CT-0010", "AE 1|AE 2", {"AE": {"AETERM": ["x", "X", "y", "y"], "AEDECOD": ["A", "B", "C", "C"]}}),
    (
        "ONC-0007",  # a lesion without any size at baseline has a rule of its own
        "TU 4",
        {
            "TU": {
                "USUBJID": ["1", "1", "2", "2"],
                "TULNKID": ["T1", "T2"] * 2,
                "TUORRES": ["TARGET"] * 4,
                "VISITNUM": [1.0] * 4,
            },
            "TR": {
                "USUBJID": ["1", "2", "2", "2"],
                "TRLNKID": ["T1", "T1", "T1", "T2"],
                "TRTESTCD": ["LDIAM"] * 4,
                "TRSTRESN": [20.0] * 4,
                "VISITNUM": [1.0, 1.0, 2.0, 1.0],
            },
        },
    ),
)
