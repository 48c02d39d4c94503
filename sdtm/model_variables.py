"""The variables of the SDTM model's general observation classes, in the model's order (names only).

Source: SDTM 2.0, 3.1.1 to 3.1.5, and SDTM 1.7, 2.2.1 to 2.2.5, as the CDISC Library has them (docs/data-origin.md).
A variable of a domain's class may stand in the domain although its guide does not list it (SDTMIG 3.4, 2.5).
"""

from __future__ import annotations

_COMMON = """
    STUDYID DOMAIN USUBJID POOLID SPDEVID NHOID FETUSID FOCID --SEQ --GRPID --REFID --RECID --SPID
    --LNKID --LNKGRP --BEATNO VISITNUM VISIT VISITDY TAETORD EPOCH RPHASE RPPLDY RPPLSTDY RPPLENDY --DTC
    --STDTC --ENDTC --DY --STDY --ENDY --NOMDY --NOMLBL --RPDY --RPSTDY --RPENDY --XDY --XSTDY --XENDY
    --CHDY --CHSTDY --CHENDY --DUR --TPT --TPTNUM --ELTM --TPTREF --RFTDTC --STRF --ENRF --EVLINT
    --EVINTX --STRTPT --STTPT --ENRTPT --ENTPT MIDS RELMIDS MIDSDTC --STINT --ENINT --DETECT --PTFL
    --PDUR APID
"""
_INTERVENTIONS = """
    --TRT --MODIFY --DECOD --MOOD --CAT --SCAT --PRESP --OCCUR --REASOC --STAT --REASND --CNTMOD --EPCHGI
    --INDC --CLAS --CLASCD --DOSE --DOSTXT --DOSU --TDOSD --FTDOSD --DOSFRM --DOSFRQ --DOSTOT --DOSRGM
    --ROUTE --LOT --LOC --METHOD --LAT --DIR --PORTOT --FAST --PSTRG --PSTRGU --TRTV --VAMT --VAMTU --ADJ
    --RSDISC --USCHFL --RSTIND --RSTMOD
"""
_EVENTS = """
    --TERM --MODIFY --LLT --LLTCD --DECOD --EVDTYP --PTCD --HLT --HLTCD --HLGT --HLGTCD --CAT --SCAT
    --PRESP --OCCUR --REASOC --STAT --REASND --BODSYS --BDSYCD --SOC --SOCCD --CNTMOD --EPCHGI --LOC
    --LAT --DIR --PORTOT --PARTY --PRTYID --SEV --SER --ACN --ACNOTH --ACNDEV --REL --RLDEV --RELNST
    --PATT --OUT --SCAN --SCONG --SDISAB --SDTH --SHOSP --SLIFE --SOD --SMIE --SINTV --UNANT --RLPRT
    --RLPRC --CONTRT --TOX --TOXGR --USCHFL
"""
_FINDINGS = """
    --TESTCD --TEST --SBMRKS --CELSTA --CSMRKS --CNTMOD --EPCHGI --TSTCND --CNDAGT --BDAGNT --ABCLID
    --MRKSTR --GATE --GATDEF --TSTOPO --MSCBCE --AGENT --CONC --CONCU --MODIFY --TSTDTL --SPTSTD --CAT
    --SCAT --TSTPNL --POS --BODSYS --ORRES --ORRESU --RESSCL --RESTYP --COLSRT --ORNRLO --ORNRHI --ORREF
    --LLOD --STRESC --IMPLBL --STRESN --STRESU --STNRLO --STNRHI --STNRC --STREFC --STREFN --NRIND
    --RESCAT --INHERT --GENREF --CHROM --SYM --SYMTYP --GENLOC --GENSR --SEQID --PVRID --COPYID --CHRON
    --DISTR --RESLOC --STAT --REASND --XFN --NAM --LOINC --SPEC --ANTREG --SPCCND --SPCUFL --LOC --LAT
    --DIR --PORTOT --METHOD --RUNID --ANMETH --TMTHSN --LEAD --CSTATE --LOBXFL --BLFL --FAST --DRVFL
    --EVAL --EVALID --ACPTFL --TOX --TOXGR --SEV --CLSIG --DTHREL --LLOQ --ULOQ --REASPF --EXCLFL
    --REASEX --USCHFL --REPNUM --RSTIND --RSTMOD
"""
_CLASSES = {
    "Interventions": _INTERVENTIONS,
    "Events": _EVENTS,
    "Findings": _FINDINGS,
    "Findings About": f"--OBJ {_FINDINGS}",
}
WHOSE = ("USUBJID", "APID", "SPDEVID", "SPTOBID", "POOLID", "STOCONID", "NHOID")
"""The identifiers of whom or what a record is about: a subject, or in its stead an associated person, a device, a product,
a pool of subjects, an organism (SDTM 2.0, identifiers of all classes; conformance rule CG0554)."""
CLASSES = tuple(_CLASSES)
"""The general observation classes."""


def allowed(cls: str, prefix: str) -> frozenset[str]:
    """The names of a class's variables and of those common to all classes, in a domain; empty for other classes.

    >>> "AETOXGR" in allowed("Events", "AE"), "AEORRES" in allowed("Events", "AE")
    (True, False)
    """
    if cls not in _CLASSES:
        return frozenset()
    names = f"{_CLASSES[cls]} {_COMMON}".split()
    return frozenset(prefix + name[2:] if name.startswith("--") else name for name in names)
