"""A small case for each rule that no planted error is meant for: tables, and the records that the rule must report.

Row n is of subject n unless USUBJID says otherwise. What is expected is written by reasoning from the rule's text: a
record (`AE 2`), a dataset (`PP`) or, for rules on a whole study, a dataset without records. Records not listed obey the
rule, so that each case has a record that it accepts wherever the rule is one of records.
"""

from __future__ import annotations

from typing import Any

Tables = dict[str, dict[str, list[Any]]]
Y, N = "Y", "N"
D = "2020-01-%02d"


def d(*days: int | None) -> list[str | None]:
    """Days of January 2020."""
    return [None if day is None else D % day for day in days]


CASES: tuple[tuple[str, str, Tables], ...] = (
    # Structure
    ("STR-0008", "AE", {"AE": {"aeterm": ["x"]}}),
    ("STR-0012", "AE", {"AE": {"AETERM": ["x"], "AEDETECT": ["P1D"]}}),
    (
        "STR-0013",
        "AE",
        {"AE": {"AETERM": ["x"], "AEEVDTYP": ["DIAGNOSIS"]}, "MH": {"MHTERM": ["x"], "MHEVDTYP": ["DIAGNOSIS"]}},
    ),
    ("STR-0014", "AE", {"AE": {"AETERM": ["x"]}, "MH": {"MHTERM": ["x"], "MHDTC": d(1)}}),
    ("STR-0015", "AE 2", {"AE": {"DOMAIN": ["AE", "CE"], "AETERM": ["x", "y"]}}),
    ("STR-0016", "AE 2", {"AE": {"DOMAIN": ["AE", "AEX"]}}),
    ("STR-0017", "XX", {"XX": {"DOMAIN": ["XX"], "XXTERM": ["x"], "AESER": [N]}}),
    ("STR-0018", "AEXYZ", {"AEXYZ": {"DOMAIN": ["AE"], "AETERM": ["x"]}, "AEX": {"DOMAIN": ["AE"], "AETERM": ["x"]}}),
    ("STR-0019", "VS", {"VS": {"VSTESTCD": ["PULSE"], "VSSTDTC": d(1)}, "LB": {"LBTESTCD": ["ALT"], "LBDTC": d(1)}}),
    ("STR-0021", "TT", {"TT": {"ETCD": ["A"]}, "DM": {"SEX": ["F"]}}),
    ("STR-0022", "PP", {"PP": {"PPTESTCD": ["CMAX"]}, "MS": {"MSTESTCD": ["MIC"]}, "MB": {"MBTESTCD": ["X"]}}),
    # Limits
    ("XPT-0005", "AE 2", {"AE": {"AETERM": ["one line", "two\nlines"]}}),
    ("XPT-0006", "SUPPAEXYZ", {"SUPPAEXYZ": {"QNAM": ["X"]}, "SUPPAE": {"QNAM": ["X"]}}),
    # Identifiers
    ("ID-0003", "AE 3", {"AE": {"DOMAIN": ["AE", "AE", "MH"]}}),
    ("ID-0006", "AE", {"AE": {"AETERM": ["x"], "USUBJID": []}, "MH": {"MHTERM": ["x"]}}),
    ("ID-0007", "TU", {"TU": {"TULNKID": ["T1"]}}),
    ("ID-0008", "TR", {"TR": {"TRLNKGRP": ["A"]}, "RS": {"RSTESTCD": ["OVRLRESP"]}}),
    ("ID-0010", "QQ", {"QQ": {"DOMAIN": ["QQ"], "QQTERM": ["x"]}, "AE": {"DOMAIN": ["AE"], "AETERM": ["x"]}}),
    # Terminology
    ("CT-0007", "XX 2", {"XX": {"XXTERM": ["x", "y"], "XXSTAT": ["NOT DONE", "MISSED"]}}),
    (
        "CT-0010",
        "AE 3",
        {"AE": {"AETERM": ["Head ache", "HEAD ACHE", "Head ache"], "AEDECOD": ["Headache", "Headache", "Migraine"]}},
    ),
    ("CT-0012", "QS 2", {"QS": {"QSTESTCD": ["A", "B"], "QSTEST": ["short", "x" * 41]}}),
    ("CT-0013", "AE 1|CM 2", {"AE": {"AETERM": ["OTHER", "Pain"]}, "CM": {"CMTRT": ["Aspirin", "MULTIPLE"]}}),
    # Dates
    ("DTC-0003", "LB 2", {"LB": {"LBTESTCD": ["A", "A"], "LBDTC": d(1, 3), "LBENDTC": d(2, 2)}}),
    ("DTC-0004", "DM 2", {"DM": {"RFSTDTC": d(1, 3), "RFENDTC": d(2, 2)}}),
    ("DTC-0005", "DM 2", {"DM": {"RFSTDTC": ["2020-01-01", "2020-01-02T08:00"], "RFENDTC": d(2, 2)}}),
    ("DTC-0006", "DM 2", {"DM": {"RFXSTDTC": d(1, 3), "RFXENDTC": d(2, 2)}}),
    ("DTC-0007", "DM 2", {"DM": {"RFICDTC": ["2020-01", "2020-01-03"], "RFSTDTC": d(2, 2)}}),
    ("DTC-0008", "DM 2", {"DM": {"RFICDTC": d(1, 3), "RFXSTDTC": d(2, 2)}}),
    ("DTC-0009", "DM 2", {"DM": {"RFCSTDTC": d(1, 3), "RFCENDTC": d(2, 2)}}),
    ("DTC-0010", "DM 2", {"DM": {"BRTHDTC": ["1950", "2021"], "RFICDTC": d(2, 2)}}),
    ("DTC-0011", "DM 2", {"DM": {"RFICDTC": d(1, 3), "DTHDTC": d(2, 2)}}),
    ("DTC-0012", "DM 2", {"DM": {"RFICDTC": d(1, 3), "RFPENDTC": d(2, 2)}}),
    ("DTC-0014", "AE 2", {"DM": {"RFPENDTC": d(5, 5)}, "AE": {"AETERM": ["x", "x"], "AEENDTC": d(5, 6)}}),
    ("DTC-0015", "VS 2", {"DM": {"DTHDTC": d(5, 5)}, "VS": {"VSTESTCD": ["PULSE"] * 2, "VSDTC": d(5, 6)}}),
    (
        "DTC-0021",
        "VS",
        {"VS": {"VSTESTCD": ["PULSE"], "VSDTC": d(1)}, "LB": {"LBTESTCD": ["A"], "LBDTC": d(1), "LBDY": [1.0]}},
    ),
    ("DTC-0021", "SV", {"SV": {"SVENDTC": d(1)}, "SE": {"SESTDTC": d(1), "SESTDY": [1.0]}, "DM": {"DMDTC": d(1)}}),
    (
        "DTC-0022",
        "VS",
        {"VS": {"VSTESTCD": ["PULSE"], "VSDY": [1.0]}, "LB": {"LBTESTCD": ["A"], "LBDTC": d(1), "LBDY": [1.0]}},
    ),
    ("DTC-0022", "SE", {"SE": {"ETCD": ["A"], "SEENDY": [1.0]}, "SV": {"SVSTDTC": d(1), "SVSTDY": [1.0]}}),
    ("DTC-0023", "AE 2", {"AE": {"AETERM": ["x", "x"], "AESTDY": [1.0, 3.0], "AEENDY": [2.0, 2.0]}}),
    ("DTC-0025", "SE 1", {"SE": {"USUBJID": ["1", "1"], "SESEQ": [1.0, 2.0], "SESTDTC": d(5, 3)}}),
    # Time points and relative times
    ("TIM-0001", "AE", {"AE": {"AETERM": ["x"], "AESTTPT": ["2020"]}}),
    ("TIM-0002", "AE", {"AE": {"AETERM": ["x"], "AESTRTPT": ["BEFORE"]}}),
    ("TIM-0003", "AE", {"AE": {"AETERM": ["x"], "AEENTPT": ["2020"]}}),
    ("TIM-0004", "AE", {"AE": {"AETERM": ["x"], "AEENRTPT": ["AFTER"]}}),
    ("TIM-0005", "AE 2", {"AE": {"AESTRTPT": ["BEFORE", "BEFORE"], "AESTTPT": ["2020", None]}}),
    ("TIM-0006", "AE 2", {"AE": {"AESTTPT": ["2020", "2020"], "AESTRTPT": ["BEFORE", None]}}),
    ("TIM-0007", "AE 2", {"AE": {"AEENTPT": ["2020", "2020"], "AEENRTPT": ["AFTER", None]}}),
    ("TIM-0008", "AE 2", {"AE": {"AEENRTPT": ["AFTER", "AFTER"], "AEENTPT": ["2020", None]}}),
    ("TIM-0009", "AE 2", {"AE": {"AESTRTPT": ["BEFORE", "ONGOING"]}}),
    ("TIM-0010", "AE 2", {"AE": {"AEENRTPT": ["ONGOING", "LATER"]}}),
    ("TIM-0011", "AE 2", {"DM": {"RFSTDTC": d(1, None)}, "AE": {"AESTRF": ["BEFORE", "BEFORE"]}}),
    ("TIM-0012", "AE 2", {"DM": {"RFENDTC": d(1, None)}, "AE": {"AEENRF": ["AFTER", "AFTER"]}}),
    ("TIM-0013", "CE 2", {"CE": {"CETERM": ["x", "x"], "CEOCCUR": [Y, N], "CESTRF": ["BEFORE", "BEFORE"]}}),
    ("TIM-0014", "VS", {"VS": {"VSTPT": ["1 H"]}, "LB": {"LBTPT": ["1 H"], "LBTPTNUM": [1.0]}}),
    ("TIM-0015", "VS", {"VS": {"VSTPTNUM": [1.0]}, "LB": {"LBTPT": ["1 H"], "LBTPTNUM": [1.0]}}),
    ("TIM-0016", "VS", {"VS": {"VSELTM": ["PT1H"]}, "LB": {"LBELTM": ["PT1H"], "LBTPTREF": ["DOSE"]}}),
    ("TIM-0017", "VS", {"VS": {"VSRFTDTC": d(1)}, "LB": {"LBRFTDTC": d(1), "LBTPTREF": ["DOSE"]}}),
    ("TIM-0018", "VS", {"VS": {"VSTPTREF": ["DOSE"]}, "LB": {"LBTPTREF": ["DOSE"], "LBTPT": ["1 H"]}}),
    ("TIM-0019", "VS 2", {"VS": {"VSELTM": ["PT1H", "PT2H"], "VSTPTREF": ["DOSE", None]}}),
    (
        "TIM-0020",
        "VS 4",
        {"VS": {"VSTPT": ["1 H", "2 H", "1 H", "1 H"], "VSTPTNUM": [1.0, 2.0, 1.0, 3.0], "VISITNUM": [1.0] * 4}},
    ),
    ("TIM-0021", "AE 2", {"AE": {"AETERM": ["x", "x"], "AEDUR": ["P1D", "-P1D"]}}),
    ("TIM-0022", "AE", {"AE": {"MIDSDTC": d(1)}, "CE": {"MIDSDTC": d(1), "MIDS": ["M1"]}}),
    ("TIM-0023", "AE 2", {"AE": {"AEENRTPT": ["ONGOING"] * 2, "AEENTPT": d(5, 5), "AEENDTC": d(None, 3)}}),
    ("TIM-0024", "AE 2", {"AE": {"AEENRTPT": ["ONGOING"] * 2, "AEENDTC": ["2020", "2020-01-03"]}}),
    # Visits, epochs, elements
    (
        "VIS-0003",
        "SV 2|VS 2",
        {
            "TV": {"VISITNUM": [1.0]},
            "SV": {"VISITNUM": [1.0, 2.0, 3.0], "SVPRESP": [Y, Y, None]},
            "VS": {"VISITNUM": [1.0, 2.0, 3.0]},
        },
    ),
    ("VIS-0006", "SV 2", {"TV": {"VISITNUM": [1.0]}, "SV": {"VISITNUM": [1.0, 1.0], "SVPRESP": [Y, None]}}),
    ("VIS-0007", "SV 2", {"SV": {"SVOCCUR": [Y, Y], "SVPRESP": [Y, None]}}),
    ("VIS-0008", "SV 2", {"SV": {"VISITDY": [1.0, 1.0], "SVPRESP": [Y, None]}}),
    ("VIS-0009", "SV 1|SV 2", {"SV": {"USUBJID": ["1", "1", "2"], "VISITNUM": [1.0, 1.0, 1.0]}}),
    ("VIS-0010", "SV 2", {"SV": {"SVOCCUR": [Y, N], "SVSTDTC": d(1, 1)}}),
    (
        "VIS-0013",
        "AE 2",
        {
            "SE": {"USUBJID": ["1", "2"], "EPOCH": ["TREATMENT"] * 2, "SESTDTC": d(1, 1), "SEENDTC": d(9, 9)},
            "AE": {"AETERM": ["x", "x"], "AESTDTC": d(1, 5), "EPOCH": [None, None]},
        },
    ),
    ("VIS-0015", "SE 2", {"SE": {"ETCD": ["A", "B"], "SESTDTC": d(1, None)}}),
    ("VIS-0016", "SE 1", {"SE": {"USUBJID": ["1", "1"], "SESTDTC": d(1, 5), "SEENDTC": d(4, 9)}}),
    ("VIS-0017", "SE 1", {"SE": {"USUBJID": ["1", "1"], "SESTDTC": d(1, 5), "SEENDTC": d(None, None)}}),
    ("VIS-0018", "SE 2", {"SE": {"ETCD": ["A", "UNPLAN"], "ELEMENT": ["Arm", "Other"], "SEUPDES": [None, "rescue"]}}),
    # Results
    (
        "RES-0002",
        "LB 2",
        {"LB": {"LBTESTCD": ["A"] * 3, "LBORRES": ["1", None, None], "LBSTAT": [None, None, "NOT DONE"]}},
    ),
    ("RES-0007", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBORRES": ["1", None], "LBORRESU": ["g", "g"]}}),
    ("RES-0008", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBSTRESC": ["1", None], "LBRESCAT": ["x", "x"]}}),
    (
        "RES-0009",
        "LB 2",
        {"LB": {"LBTESTCD": ["A"] * 3, "LBSTRESC": ["1", "2.5", "<1"], "LBSTRESN": [1.0, None, None]}},
    ),
    ("RES-0005", "VS 2", {"VS": {"VSTESTCD": ["PULSE"] * 2, "VSSTAT": [None, "NOT DONE"]}}),
    ("RES-0012", "LB 3", {"LB": {"LBTESTCD": ["A"] * 3, "LBSTRESC": ["1"] * 3, "LBSTRESU": ["g", "g", "kg"]}}),
    ("RES-0013", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBORNRLO": ["1", "9"], "LBORNRHI": ["5", "5"]}}),
    ("RES-0014", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBSTNRLO": [1.0, 9.0], "LBSTNRHI": [5.0, 5.0]}}),
    (
        "RES-0016",
        "LB 2",
        {"LB": {"LBTESTCD": ["A"] * 2, "LBORRES": ["1", None], "LBSTRESC": ["1", None], "LBLOBXFL": [Y, Y]}},
    ),
    ("RES-0018", "LB 1|LB 2", {"LB": {"USUBJID": ["1", "1", "2"], "LBTESTCD": ["A"] * 3, "LBBLFL": [Y, Y, Y]}}),
    (
        "RES-0020",
        "TR 2",
        {"TR": {"TRTESTCD": ["LDIAM"] * 2, "TREVAL": ["INDEPENDENT ASSESSOR", None], "TREVALID": ["R1", "R1"]}},
    ),
    ("RES-0021", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBSPCUFL": [N, "X"]}}),
    (
        "RES-0022",
        "LB 2",
        {"LB": {"LBTESTCD": ["A"] * 2, "LBORREF": ["1", "1"], "LBSTREFC": ["1", None], "LBSTREFN": [1.0, None]}},
    ),
    ("RES-0023", "IE 2", {"IE": {"IETESTCD": ["I1", "I2"], "IECAT": ["INCLUSION", "INCLUSION"], "IEORRES": [N, Y]}}),
    ("RES-0024", "IE 2", {"IE": {"IETESTCD": ["I1", "I9"]}, "TI": {"IETESTCD": ["I1"]}}),
    # Qualifiers
    (
        "QUA-0001",
        "AE",
        {"AE": {"AETERM": ["x"], "AELAT": ["LEFT"]}, "PR": {"PRTRT": ["x"], "PRLAT": ["LEFT"], "PRLOC": ["ARM"]}},
    ),
    ("QUA-0002", "PR 2", {"PR": {"PRTRT": ["x"] * 2, "PRLAT": ["LEFT"] * 2, "PRLOC": ["ARM", None]}}),
    ("QUA-0003", "AE 2", {"AE": {"AECAT": ["A", "A"], "AESCAT": ["B", "A"]}}),
    ("QUA-0004", "AE 2", {"AE": {"AECAT": ["A", None], "AESCAT": ["B", "B"]}}),
    ("QUA-0005", "AE", {"AE": {"AESCAT": ["B"]}, "MH": {"MHCAT": ["A"], "MHSCAT": ["B"]}}),
    ("QUA-0006", "AE 2", {"AE": {"AETERM": ["x"] * 2, "AEDECOD": ["Pain", "Pain"], "AECAT": ["SAFETY", "PAIN"]}}),
    ("QUA-0007", "AE 2", {"AE": {"DOMAIN": ["AE", "AE"], "AECAT": ["SAFETY", "AE"]}}),
    (
        "QUA-0008",
        "CE",
        {"CE": {"CETERM": ["x"], "CESTAT": ["NOT DONE"]}, "MH": {"MHTERM": ["x"], "MHSTAT": [None], "MHPRESP": [Y]}},
    ),
    (
        "QUA-0009",
        "CE",
        {"CE": {"CETERM": ["x"], "CEREASND": ["x"]}, "MH": {"MHTERM": ["x"], "MHREASND": [None], "MHPRESP": [Y]}},
    ),
    (
        "QUA-0010",
        "CE",
        {"CE": {"CETERM": ["x"], "CEOCCUR": [Y]}, "MH": {"MHTERM": ["x"], "MHOCCUR": [Y], "MHPRESP": [Y]}},
    ),
    ("QUA-0011", "CE 2", {"CE": {"CETERM": ["x"] * 2, "CEOCCUR": [Y, Y], "CEPRESP": [Y, None]}}),
    (
        "QUA-0012",
        "CE 2",
        {
            "CE": {
                "CETERM": ["x"] * 3,
                "CEPRESP": [Y] * 3,
                "CEOCCUR": [N, None, None],
                "CESTAT": [None, None, "NOT DONE"],
            }
        },
    ),
    ("QUA-0013", "CM 2", {"CM": {"CMTRT": ["x"] * 2, "CMDOSE": [1.0, 1.0], "CMDOSTXT": [None, "1-2"]}}),
    ("QUA-0014", "CM 2", {"CM": {"CMTRT": ["x"] * 2, "CMDOSTXT": ["1-2", "2"]}}),
    ("QUA-0016", "CM 2", {"CM": {"CMTRT": ["x"] * 2, "CMDOSE": [0.0, -1.0]}}),
    ("QUA-0017", "EX 2", {"EX": {"EXTRT": ["x"] * 2, "EXVAMT": [1.0, 1.0], "EXTRTV": ["SALINE", None]}}),
    ("QUA-0018", "EX 2", {"EX": {"EXTRT": ["PLACEBO"] * 2, "EXDOSE": [0.0, 5.0]}}),
    ("QUA-0019", "EC 2", {"EC": {"ECTRT": ["x"] * 2, "ECOCCUR": [Y, N], "ECDOSE": [5.0, 5.0]}}),
    ("QUA-0020", "EX", {"EX": {"EXTRT": ["x"], "EXVAMT": [1.0]}, "EC": {"ECTRT": ["x"]}}),
    ("QUA-0021", "CM 3", {"CM": {"CMTRT": ["x"] * 3, "CMCLAS": ["A", "A", "A"], "CMCLASCD": ["1", "1", "2"]}}),
    # Adverse events
    ("AE-0002", "AE 2", {"AE": {"AESER": [Y, Y, N], "AESHOSP": [Y, N, N]}}),
    ("AE-0003", "AE", {"AE": {"AETERM": ["x"], "AEOCCUR": [Y]}}),
    ("AE-0004", "AE 2", {"AE": {"AEOUT": ["FATAL", "FATAL"], "AESDTH": [Y, N]}}),
    ("AE-0005", "AE 2", {"AE": {"AEOUT": ["FATAL", "UNKNOWN"], "AESDTH": [Y, Y]}}),
    ("AE-0008", "AE 2", {"AE": {"AETOXGR": ["5", "6"]}}),
    ("AE-0010", "AE 2", {"AE": {"AEOUT": ["RECOVERED/RESOLVED"] * 2, "AEENDTC": d(1, None)}}),
    ("AE-0011", "AE 2", {"DM": {"DTHDTC": d(5, 5)}, "AE": {"AEOUT": ["FATAL"] * 2, "AEENDTC": d(5, 4)}}),
    ("AE-0012", "AE 2", {"DS": {"DSDECOD": ["COMPLETED"] * 2, "DSSTDTC": d(5, 5)}, "AE": {"AESTDTC": d(5, 6)}}),
    ("AE-0013", "AE 2", {"DM": {"BRTHDTC": ["1950", "1950"]}, "AE": {"AESTDTC": ["1950", "1949"]}}),
    (
        "AE-0014",
        "AE 2",
        {
            "AE": {"AESEQ": [1.0, 1.0], "AESMIE": [Y, N]},
            "SUPPAE": {"QNAM": ["AESOSP"] * 2, "IDVAR": ["AESEQ"] * 2, "IDVARVAL": ["1", "1"]},
        },
    ),
    ("AE-0015", "AE 3", {"AE": {"AETERM": ["x"] * 3, "AEDECOD": ["A"] * 3, "AEPTCD": [1.0, 1.0, 2.0]}}),
    ("AE-0016", "AE 2", {"AE": {"AETERM": ["x"] * 2, "AEPTCD": [1.0, 1.0], "AEDECOD": ["A", None]}}),
    ("AE-0017", "AE 2", {"AE": {"AETERM": ["x"] * 2, "AEBODSYS": ["A", "A"], "AEBDSYCD": [1.0, None]}}),
    ("AE-0018", "AE 3", {"AE": {"AETERM": ["x"] * 3, "AEDECOD": ["A"] * 3, "AESOC": ["S", "S", "T"]}}),
    ("AE-0019", "LB 2", {"LB": {"LBTESTCD": ["A"] * 2, "LBTOX": ["x", "x"], "LBTOXGR": ["1", None]}}),
    ("AE-0020", "AE 2", {"AE": {"AETERM": ["x"] * 2, "AESTDTC": ["2020", None]}}),
    ("AE-0021", "DM 2", {"DM": {"DTHFL": [Y, Y]}, "DS": {"DSDECOD": ["DEATH", "COMPLETED"]}}),
    ("AE-0022", "AE 2", {"AE": {"AESER": [Y, "U"]}}),
    # Arms
    ("ARM-0001", "DM 2", {"DM": {"ARMCD": ["A", None, None], "ARMNRS": [None, None, "SCREEN FAILURE"]}}),
    ("ARM-0002", "DM 2", {"DM": {"ACTARMCD": ["A", None, None], "ARMNRS": [None, None, "SCREEN FAILURE"]}}),
    ("ARM-0003", "DM 2", {"DM": {"ARM": ["A", None], "ACTARM": ["A", None], "ARMNRS": [None, None]}}),
    ("ARM-0004", "DM 2", {"DM": {"ARMCD": ["A", "A"], "ACTARMCD": ["A", "A"], "ARMNRS": [None, "NOT ASSIGNED"]}}),
    ("ARM-0005", "DM 2", {"DM": {"ARM": ["A", "A"], "ARMCD": ["A", None]}}),
    ("ARM-0006", "DM 2", {"DM": {"ACTARM": ["A", "A"], "ACTARMCD": ["A", None]}}),
    ("ARM-0008", "DM 2", {"DM": {"ARM": ["Placebo", "Screen Failure"]}}),
    ("ARM-0009", "DM 2", {"DM": {"ARMCD": ["A" * 20, "A" * 21]}}),
    ("ARM-0013", "DM 2", {"DM": {"ARMNRS": [None, "SCREEN FAILURE"], "RFENDTC": d(1, 1)}}),
    ("ARM-0014", "DM 2", {"DM": {"ACTARMUD": ["x", "x"], "ARMNRS": ["UNPLANNED TREATMENT", None]}}),
    ("ARM-0015", "SE 2", {"TE": {"ETCD": ["A"]}, "SE": {"ETCD": ["A", "B", "UNPLAN"]}}),
    ("ARM-0016", "TV 2", {"TA": {"ARMCD": ["A"]}, "TV": {"ARMCD": ["A", "B"]}}),
    ("ARM-0017", "TA 2", {"TA": {"TAETORD": [1.0, 1.5]}}),
    ("ARM-0018", "TE 2", {"TE": {"ETCD": ["A", "B"], "TEENRL": ["x", None], "TEDUR": [None, None]}}),
    ("ARM-0019", "TE 1|TE 2", {"TE": {"ETCD": ["A", "B", "C"], "TESTRL": ["x", "x", "y"], "TEDUR": ["P1D"] * 3}}),
    ("ARM-0020", "DM 2", {"DM": {"ARMCD": ["A", "A", None]}, "DS": {"DSDECOD": ["COMPLETED"]}}),
    # Disposition, exposure, history
    ("DS-0001", "DS 2", {"DS": {"DSTERM": ["COMPLETED"] * 2, "DSDECOD": ["COMPLETED", "DEATH"]}}),
    (
        "DS-0003",
        "DS 2",
        {"DM": {"RFICDTC": d(1, 1)}, "DS": {"DSDECOD": ["INFORMED CONSENT OBTAINED"] * 2, "DSSTDTC": d(1, 2)}},
    ),
    (
        "DS-0004",
        "DS 1|DS 2",
        {
            "DS": {
                "USUBJID": ["1", "1", "1"],
                "DSCAT": ["DISPOSITION EVENT"] * 3,
                "EPOCH": ["T", "T", "F"],
                "DSDECOD": ["COMPLETED"] * 3,
            }
        },
    ),
    ("DS-0005", "DS 2", {"DS": {"DSDECOD": ["COMPLETED"] * 2, "DSCAT": ["DISPOSITION EVENT", None]}}),
    ("DS-0006", "DM 2", {"DM": {"RFXSTDTC": d(1, 1)}, "EX": {"EXTRT": ["x"] * 2, "EXSTDTC": d(1, 2)}}),
    (
        "DS-0006",
        "DM 2",
        {"DM": {"RFXSTDTC": ["2020-01-01", None, None]}, "EX": {"EXTRT": ["x"] * 2, "EXSTDTC": d(1, 2)}},
    ),
    (
        "DS-0007",
        "DM 2",
        {
            "DM": {"RFXENDTC": ["2020-01-05", None, None, None]},
            "EX": {"EXSTDTC": d(1, 1, 1), "EXENDTC": [*d(5, 6), None]},
        },
    ),
    ("DS-0007", "DM 2", {"DM": {"RFXENDTC": d(5, 5)}, "EX": {"EXSTDTC": d(1, 1), "EXENDTC": d(5, 6)}}),
    ("DS-0008", "DM 2", {"DM": {"ARMNRS": [None, None, "SCREEN FAILURE"]}, "EX": {"EXTRT": ["x"]}}),
    ("DS-0009", "DM 2", {"DM": {"ACTARMCD": ["A", None], "ARMNRS": [None, None]}, "EX": {"EXTRT": ["x", "x"]}}),
    ("DS-0010", "DM", {"DM": {"RFXSTDTC": d(1)}}),
    ("DS-0011", "MH 2", {"DM": {"RFSTDTC": d(5, 5)}, "MH": {"MHTERM": ["x"] * 2, "MHSTDTC": ["2020", "2020-01-06"]}}),
    ("DS-0012", "EX 2", {"DM": {"RFICDTC": d(5, 5)}, "EX": {"EXSTDTC": d(5, 4)}}),
    ("DS-0013", "SS 2", {"SS": {"SSSTRESC": ["DEAD", "DEAD"]}, "DS": {"DSDECOD": ["DEATH", "COMPLETED"]}}),
    ("DS-0014", "SS 2", {"DM": {"DTHDTC": d(5, 5)}, "SS": {"SSSTRESC": ["DEAD", "DEAD"], "SSDTC": d(5, 4)}}),
    ("DS-0015", "DV 2", {"DM": {"RFICDTC": d(5, 5)}, "DV": {"DVTERM": ["x"] * 2, "DVSTDTC": d(5, 4)}}),
    # Relations
    (
        "REL-0001",
        "SUPPAE 2",
        {"AE": {"AESEQ": [1.0]}, "SUPPAE": {"RDOMAIN": ["AE", "ZZ"], "IDVAR": ["AESEQ"] * 2, "IDVARVAL": ["1", "1"]}},
    ),
    (
        "REL-0002",
        "SUPPAE 2",
        {"AE": {"AESEQ": [1.0]}, "SUPPAE": {"RDOMAIN": ["AE"] * 2, "IDVAR": ["AESEQ", "AEXX"], "IDVARVAL": ["1", "1"]}},
    ),
    ("REL-0004", "SUPPAE 2", {"SUPPAE": {"RDOMAIN": ["AE"] * 2, "IDVAR": ["AESEQ", None], "IDVARVAL": ["1", None]}}),
    ("REL-0005", "SUPPAE 2", {"SUPPAE": {"RDOMAIN": ["AE"] * 2, "IDVAR": ["AESEQ", "AESEQ"], "IDVARVAL": ["1", None]}}),
    ("REL-0006", "SUPPAE 2", {"SUPPAE": {"RDOMAIN": ["AE"] * 2, "IDVAR": ["AESEQ", None], "IDVARVAL": ["1", "1"]}}),
    ("REL-0007", "SUPPAE 2", {"SUPPAE": {"RDOMAIN": ["AE", "CM"]}}),
    ("REL-0009", "SUPPAE 2", {"SUPPAE": {"QNAM": ["GOOD1", "1BAD"]}}),
    ("REL-0010", "SUPPAE 2", {"SUPPAE": {"QLABEL": ["x" * 40, "x" * 41]}}),
    ("REL-0011", "SUPPAE 3", {"SUPPAE": {"QNAM": ["A"] * 3, "QLABEL": ["One", "One", "Two"]}}),
    ("REL-0012", "SUPPAE 2", {"SUPPAE": {"QNAM": ["AETRTEM", "AESEV"]}}),
    ("REL-0014", "SUPPAE 2", {"SUPPAE": {"QORIG": ["CRF", "MEMORY"]}}),
    ("REL-0015", "SUPPDM 2", {"SUPPDM": {"QNAM": ["RACEOTH", "ITT"]}}),
    ("REL-0017", "RELREC 2", {"RELREC": {"IDVAR": ["AESEQ"] * 2, "IDVARVAL": ["1", None]}}),
    (
        "REL-0018",
        "RELREC 2",
        {"RELREC": {"IDVAR": ["AELNKID", "AESEQ"], "IDVARVAL": [None, "1"], "RELTYPE": ["ONE", "ONE"]}},
    ),
    (
        "REL-0019",
        "RELREC 2",
        {
            "RELREC": {
                "USUBJID": [None, None],
                "IDVAR": ["AELNKID"] * 2,
                "IDVARVAL": [None, None],
                "RELTYPE": ["ONE", None],
            }
        },
    ),
    ("REL-0020", "CO 2", {"CO": {"IDVAR": [None, "AESEQ"], "CODTC": d(1, 1)}}),
    ("REL-0021", "RELSUB 2", {"RELSUB": {"USUBJID": ["1", "2"], "RSUBJID": ["2", "2"]}}),
    # Trial summary
    ("TS-0004", "TS 2", {"TS": {"TSPARMCD": ["FCNTRY"] * 2, "TSVAL": ["NLD", "NL"]}}),
    ("TS-0005", "TS 2", {"TS": {"TSVAL": ["1", "1"], "TSVALNF": [None, "NA"]}}),
    ("TS-0006", "TS 3", {"TS": {"TSPARMCD": ["A"] * 3, "TSVAL": ["1", None, None], "TSVALNF": [None, "NA", None]}}),
    ("TS-0007", "TS 2", {"TS": {"TSVALNF": ["NA", "NONE"]}}),
    ("TS-0008", "TS 2", {"TS": {"TSPARMCD": ["A"] * 2, "TSVAL": ["1", "PINF"]}}),
    ("TS-0009", "TS 1|TS 2", {"TS": {"TSPARMCD": ["A", "A", "B"], "TSSEQ": [1.0, 1.0, 1.0]}}),
    ("TS-0010", "TS 3", {"TS": {"TSPARMCD": ["A"] * 3, "TSPARM": ["One", "One", "Two"]}}),
    ("TS-0011", "TS 3", {"TS": {"TSVAL": ["Y"] * 3, "TSVALCD": ["C1", "C1", "C2"], "TSVCDREF": ["CDISC CT"] * 3}}),
    (
        "TS-0012",
        "TS 2",
        {
            "TS": {
                "TSPARMCD": ["ADDON"] * 2,
                "TSVAL": [Y, Y],
                "TSVALCD": ["C49488", "C49487"],
                "TSVCDREF": ["CDISC CT"] * 2,
            }
        },
    ),
    ("TS-0013", "TS 2", {"TS": {"TSVALCD": ["C1", "C1"], "TSVCDREF": ["CDISC CT", None]}}),
    ("TS-0014", "TS 2", {"TS": {"TSVAL": ["a", "a"], "TSVAL1": ["b", None], "TSVAL2": [None, "c"]}}),
    ("TS-0015", "TS", {"TS": {"TSPARMCD": ["ADDON"], "TSVAL": [Y]}}),
    ("TS-0016", "TS 1|TS 2", {"TS": {"TSPARMCD": ["STYPE", "STYPE", "OBJSEC", "OBJSEC"]}}),
    ("TS-0017", "TS 2", {"TS": {"TSPARMCD": ["SSTDTC", "SENDTC", "DCUTDTC"], "TSVAL": d(5, 4, 6)}}),
    ("TS-0018", "TS 1", {"DM": {"ARMCD": ["A", "A"]}, "TS": {"TSPARMCD": ["ACTSUB"], "TSVAL": ["3"]}}),
    # Demographics
    ("DM-0001", "DM", {"AE": {"AETERM": ["x"]}}),
    ("DM-0005", "DM 2", {"DM": {"AGE": [60.0, None], "AGEU": ["YEARS", "YEARS"]}}),
    ("DM-0006", "DM 2", {"DM": {"AGE": [60.0, -1.0]}}),
    ("DM-0007", "DM 2", {"DM": {"AGE": [60.0, None, None], "ARMNRS": [None, None, "SCREEN FAILURE"]}}),
    ("DM-0008", "DM", {"DM": {"SPECIES": ["RAT"]}}),
    ("DM-0010", "DM 2", {"DM": {"DTHFL": [Y, N]}}),
    ("DM-0011", "DM 2", {"DM": {"DTHFL": [Y, Y], "DTHDTC": ["2020", None]}}),
    ("DM-0015", "DM 2", {"DM": {"DTHFL": [Y, None]}, "SS": {"SSSTRESC": ["DEAD", "DEAD"]}}),
    ("DM-0016", "DM 2", {"DM": {"DTHFL": [Y, None]}, "DD": {"DDTESTCD": ["PRCDTH"] * 2}}),
    ("DM-0017", "DM 2", {"DM": {"DTHFL": [Y, None]}, "CE": {"CETERM": ["Death", "Death"]}}),
    ("DM-0018", "DM 2", {"DM": {"RACE": ["MULTIPLE"] * 2}, "SUPPDM": {"QNAM": ["RACE1"]}}),
    (
        "DM-0019",
        "DM 1",
        {
            "DM": {"RACE": ["ASIAN", "ASIAN"]},
            "SUPPDM": {"USUBJID": ["1", "1", "2"], "QNAM": ["RACE1", "RACE2", "RACE1"]},
        },
    ),
    ("DM-0020", "DM 2", {"DM": {"USUBJID": ["S-001", "S-002"], "SUBJID": ["001", "003"]}}),
    # Oncology
    ("ONC-0003", "TU 2", {"TU": {"TUTESTCD": ["TUMIDENT"] * 2, "TULNKID": ["T1", None]}}),
    (
        "ONC-0004",
        "TU 1|TU 2",
        {
            "TU": {
                "USUBJID": ["1", "1", "1"],
                "TUTESTCD": ["TUMIDENT"] * 3,
                "TULNKID": ["T1", "T1", "T2"],
                "TUORRES": ["TARGET"] * 3,
            }
        },
    ),
    (
        "ONC-0005",
        "TR 2",
        {
            "TU": {"USUBJID": ["1"], "TULNKID": ["T1"], "TUORRES": ["TARGET"], "TUEVAL": ["INVESTIGATOR"]},
            "TR": {
                "USUBJID": ["1", "1"],
                "TRLNKID": ["T1", "T1"],
                "TRTESTCD": ["LDIAM"] * 2,
                "TREVAL": ["INVESTIGATOR", "OTHER"],
            },
        },
    ),
    (
        "ONC-0008",
        "|".join(f"TU {row}" for row in range(1, 7)),
        {
            "RS": {"USUBJID": ["1"], "RSTESTCD": ["OVRLRESP"], "RSCAT": ["RECIST 1.1"]},
            "TU": {"USUBJID": ["1"] * 6, "TULNKID": [f"T{n}" for n in range(6)], "TUORRES": ["TARGET"] * 6},
        },
    ),
    (
        "ONC-0009",
        "TU 1|TU 2|TU 3",
        {
            "RS": {"USUBJID": ["1"], "RSTESTCD": ["OVRLRESP"], "RSCAT": ["RECIST 1.1"]},
            "TU": {
                "USUBJID": ["1"] * 4,
                "TULNKID": ["T1", "T2", "T3", "T4"],
                "TUORRES": ["TARGET"] * 4,
                "TULOC": ["LYMPH NODE, AXILLARY", "LYMPH NODE", "HILAR LYMPH NODE", "LIVER"],
            },
        },
    ),
    ("ONC-0013", "TR 2", {"TR": {"TRTESTCD": ["LDIAM", "LDIAM"], "TRSTRESN": [0.0, -1.0]}}),
    (
        "ONC-0014",
        "TR 2",
        {
            "TR": {
                "USUBJID": ["1"] * 6,
                "TRLNKID": ["T1", "T1", "T2", "T2", "T3", "T3"],
                "TRTESTCD": ["LDIAM", "LPERP"] * 3,
                "TRSTRESN": [10.0, 12.0, 10.0, 9.0, 10.0, 10.0],
                "VISITNUM": [1.0] * 6,
            }
        },
    ),
    (
        "ONC-0015",
        "TU 2",
        {
            "TU": {
                "USUBJID": ["1"] * 3,
                "TULNKID": ["T1", "N1", "N2"],
                "TUORRES": ["TARGET", "NEW", "NEW"],
                "VISITNUM": [1.0, 1.0, 2.0],
            }
        },
    ),
    (
        "ONC-0020",
        "RS 2",
        {
            "TR": {"USUBJID": ["1"], "TRTESTCD": ["LDIAM"], "TREVAL": ["INVESTIGATOR"]},
            "RS": {
                "USUBJID": ["1", "1"],
                "RSTESTCD": ["OVRLRESP"] * 2,
                "RSCAT": ["RECIST 1.1"] * 2,
                "RSSTRESC": ["SD", "SD"],
                "RSEVAL": ["INVESTIGATOR", "INDEPENDENT ASSESSOR"],
            },
        },
    ),
    (
        "ONC-0021",
        "RS 1|RS 2",
        {
            "RS": {
                "USUBJID": ["1"] * 3,
                "RSTESTCD": ["OVRLRESP"] * 3,
                "RSSTRESC": ["SD", "PD", "PD"],
                "VISITNUM": [1.0, 1.0, 2.0],
            }
        },
    ),
    (
        "ONC-0023",
        "RS 2",
        {
            "TU": {"USUBJID": ["1"], "TULNKID": ["N1"], "TUORRES": ["NEW"], "VISITNUM": [2.0]},
            "RS": {
                "USUBJID": ["1", "2"],
                "RSTESTCD": ["NEWLPROG"] * 2,
                "RSSTRESC": ["UNEQUIVOCAL"] * 2,
                "VISITNUM": [2.0, 2.0],
            },
        },
    ),
    (
        "ONC-0025",
        "RS 3",
        {
            "RS": {
                "USUBJID": ["1"] * 3,
                "RSTESTCD": ["OVRLRESP"] * 3,
                "RSCAT": ["RECIST 1.1"] * 3,
                "RSSTRESC": ["PR", "PD", "PR"],
                "RSDTC": d(1, 2, 3),
            }
        },
    ),
    (
        "ONC-0031",
        "PR 2",
        {
            "TU": {"TULNKID": ["T1", "T1"], "TUORRES": ["TARGET"] * 2},
            "PR": {"PRTRT": ["RADIOTHERAPY"] * 2, "PRLNKID": ["T1", None]},
        },
    ),
    (
        "ONC-0033",
        "SUPPTU 2",
        {
            "TU": {"TUSEQ": [1.0, 1.0], "TULNKID": ["T1", "T1"]},
            "SUPPTU": {"IDVAR": ["TUSEQ"] * 2, "IDVARVAL": ["1", "1"], "QNAM": ["TUIRRST"] * 2, "QVAL": [Y, Y]},
            "PR": {"PRTRT": ["RADIOTHERAPY"]},
        },
    ),
    (
        "ONC-0034",
        "SUPPTU 1|SUPPTU 2",
        {
            "TU": {"USUBJID": ["1", "1"], "TUSEQ": [1.0, 2.0], "TULNKID": ["T1", "T2"]},
            "SUPPTU": {
                "USUBJID": ["1", "1"],
                "IDVAR": ["TUSEQ"] * 2,
                "IDVARVAL": ["1", "2"],
                "QNAM": ["TUIRRST"] * 2,
                "QVAL": [Y, Y],
            },
            "PR": {"PRTRT": ["RADIOTHERAPY"], "PRLNKID": ["T1"]},
        },
    ),
    (
        "ONC-0035",
        "PR 2",
        {
            "TU": {"TULNKID": ["T1", "T1"], "TULOC": ["LUNG", "LUNG"]},
            "PR": {"PRTRT": ["RADIOTHERAPY"] * 2, "PRLNKID": ["T1", "T1"], "PRLOC": ["LUNG", "LIVER"]},
        },
    ),
    (
        "ONC-0037",
        "PR 2",
        {
            "TU": {"TULNKID": ["T1", "T1"], "TUDTC": d(5, 5)},
            "PR": {"PRTRT": ["RADIOTHERAPY"] * 2, "PRLNKID": ["T1", "T1"], "PRSTDTC": d(5, 4)},
        },
    ),
    (
        "ONC-0103",
        "TU 2",
        {
            "DM": {"RFXSTDTC": d(2)},
            "TU": {
                "USUBJID": ["1", "1"],
                "TUTESTCD": ["TUMIDENT"] * 2,
                "TULNKID": ["T1", "T2"],
                "TUORRES": ["TARGET"] * 2,
                "VISITNUM": [1.0, 1.0],
            },
            "TR": {
                "USUBJID": ["1", "1"],
                "TRLNKID": ["T1", "T2"],
                "TRTESTCD": ["LDIAM"] * 2,
                "TRORRES": ["20", "8"],
                "TRORRESU": ["mm", "mm"],
                "TRDTC": d(1, 1),
                "VISITNUM": [1.0, 1.0],
            },
            "RS": {
                "USUBJID": ["1"],
                "RSTESTCD": ["OVRLRESP"],
                "RSCAT": ["RECIST 1.1"],
                "RSSTRESC": ["SD"],
                "VISITNUM": [2.0],
            },
        },
    ),
)
