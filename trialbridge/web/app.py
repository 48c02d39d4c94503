"""The application: its routes, what surrounds each request, and how faults are answered."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from anyio import to_thread
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from trialbridge.fhir.jsontext import encode
from trialbridge.web import naming, operations, pages, work
from trialbridge.web.bodies import NAMES, spool
from trialbridge.web.callers import Gate
from trialbridge.web.metering import Meters
from trialbridge.web.outcomes import FHIR_JSON, RefusedError, outcome
from trialbridge.web.packing import blocks, resources_of, zipped
from trialbridge.web.recording import Recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trialbridge.web.settings import Settings
    from trialbridge.web.work import Told

SDTM_FORMATS = Literal["dataset-json", "xpt", "ndjson", "dsjc", "parquet", "csv", "xlsx", "core-csv"]
FHIR_FORMATS = Literal["ndjson", "bundle", "transaction", "xml"]
_JSON = {"application/fhir+json", "application/json"}
_BINARY = {"type": "string", "format": "binary"}
_RESOURCE = {
    "type": "object",
    "description": "A resource, a Bundle, Parameters (of an operation), or a Dataset-JSON dataset.",
    "properties": {"resourceType": {"type": "string"}, "id": {"type": "string"}},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The study or the resources; may be compressed (Content-Encoding: gzip, deflate). Which dataset a"
        " CSV is, its DOMAIN says, or Content-Disposition: attachment; filename=ae.csv.",
        "content": {name: {"schema": _RESOURCE if name in _JSON else _BINARY} for name in NAMES},
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {FHIR_JSON: {"schema": {"type": "object"}}}}
    for status, text in {
        400: "The body or a parameter is not as it must be",
        401: "The caller is not known",
        403: "The caller may not do this",
        413: "The body is too large",
        415: "The media type or coding is not taken",
        422: "The data cannot be read",
        429: "All places are taken",
        500: "A fault of the service",
        504: "The work took too long",
    }.items()
}
_DONE: dict[str, Any] = {"description": "Done", "content": {FHIR_JSON: {"schema": {"type": "object"}}}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {200: _DONE, 404: {**_DONE, "description": "Unknown"}}
_MADE = ("application/zip", "application/fhir+ndjson", FHIR_JSON, "application/fhir+xml")


def _answers(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a call that does what it should, in these media types, or tells why not."""
    content = {kind: {"schema": {"type": "object"} if kind == FHIR_JSON else _BINARY} for kind in kinds}
    return {200: {"description": "Done", "content": content}, **_ANSWERS}


FhirVersion = Annotated[Literal["R4", "R4B", "R5"] | None, Query(alias="fhirVersion", description="FHIR release.")]
Version = Annotated[Literal["3-3", "3-4"] | None, Query(description="SDTMIG version.")]


def create(settings: Settings) -> FastAPI:
    """The ASGI application of a service with these settings."""
    desk = work.Desk(settings)
    gate = Gate(settings)
    meters = Meters(lambda: desk.inside)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await to_thread.run_sync(gate.open_up)
        yield

    app = FastAPI(
        title="trialbridge",
        summary="Carries a clinical trial between FHIR and CDISC SDTM without losing anything.",
        description="Draft for qualified review. Not a validated system.",
        version=operations.software(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    _faults(app)
    _about(app, meters, desk)
    _conversions(app, settings, desk, gate)
    _fhir(app, settings, desk, gate)
    app.add_middleware(Recorded, meters=meters)
    return app


# --- routes -----------------------------------------------------------------------------------------------------------


def _about(app: FastAPI, meters: Meters, desk: work.Desk) -> None:
    @app.get("/health/live", tags=["service"])
    async def live() -> dict[str, str]:
        """Whether the service runs."""
        return {"status": "ok"}

    @app.get("/health/ready", tags=["service"], responses={429: _ANSWERS[429]})
    async def ready() -> dict[str, str]:
        """Whether it takes work; 429 while all places are taken."""
        desk.admit()
        return {"status": "ok"}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        """The API as a page. FastAPI's own would load its scripts from elsewhere, and be blank without a network."""
        return Response(pages.page(app.openapi()), media_type="text/html; charset=utf-8", headers=pages.HEADERS)

    @app.get("/metrics", tags=["service"], response_class=Response)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _conversions(app: FastAPI, settings: Settings, desk: work.Desk, gate: Gate) -> None:
    @app.post("/convert", tags=["conversion"], openapi_extra=_BODY, responses=_answers(*_MADE), response_class=Response)
    async def convert(
        request: Request,
        to: Annotated[Literal["sdtm", "fhir"], Query(description="The language to make.")],
        format: Annotated[  # noqa: A002 - the user's word
            SDTM_FORMATS | FHIR_FORMATS | None,
            Query(description="SDTM: dataset-json (default) and others, as a ZIP. FHIR: ndjson (default) and others."),
        ] = None,
        fhir_version: FhirVersion = None,
        version: Version = None,
        residue: Annotated[bool, Query(description="Keep what SDTM has no place for.")] = True,  # noqa: FBT002 - a parameter of the query
        encoding: Annotated[str | None, Query(description="Of text in XPT, and in CSV that is not UTF-8.")] = None,
    ) -> Response:
        """Convert the body; the answer is a ZIP of datasets, or resources (a ZIP too where Accept asks for it)."""
        options = {
            "to": to,
            "formats": (format,) if format else (),
            "fhir_version": fhir_version,
            "version": version,
            "base_url": settings.base_url,
            "residue": residue,
            "encoding": encoding,
        }
        async with _Errand(request, settings, desk, gate) as errand:
            told = await errand.run(work.convert, options)
            whole = to == "sdtm" or "application/zip" in request.headers.get("accept", "")
            return await (errand.package(told) if whole else errand.resources(told, format or "ndjson"))

    @app.post(
        "/validate", tags=["conformance"], openapi_extra=_BODY, responses=_answers(FHIR_JSON), response_class=Response
    )
    async def validate(
        request: Request,
        fhir_version: FhirVersion = None,
        version: Version = None,
    ) -> Response:
        """Check the body; the answer is an OperationOutcome, its findings as issues."""
        async with _Errand(request, settings, desk, gate) as errand:
            options = {"fhir_version": fhir_version, "version": version, "base_url": settings.base_url}
            _, told = await errand.run(work.validate, options)
            answer = Response(encode(told["outcome"]), media_type=FHIR_JSON)
            return errand.closing(answer)


def _fhir(app: FastAPI, settings: Settings, desk: work.Desk, gate: Gate) -> None:
    @app.post(
        "/fhir/$to-sdtm",
        tags=["FHIR operations"],
        openapi_extra=_BODY,
        responses=_answers(FHIR_JSON),
        response_class=Response,
    )
    async def to_sdtm(request: Request, fhir_version: FhirVersion = None, version: Version = None) -> Response:
        """`$to-sdtm`: resources, a Bundle or Parameters in; Parameters with the package and the outcome out."""
        options = {"fhir_version": fhir_version, "version": version, "base_url": settings.base_url}
        async with _Errand(request, settings, desk, gate) as errand:
            await errand.run(operations.to_sdtm, options)
            return errand.file(errand.folder / operations.ANSWER, FHIR_JSON)

    @app.post(
        "/fhir/$to-fhir",
        tags=["FHIR operations"],
        openapi_extra=_BODY,
        responses=_answers(FHIR_JSON),
        response_class=Response,
    )
    async def to_fhir(request: Request, fhir_version: FhirVersion = None, version: Version = None) -> Response:
        """`$to-fhir`: datasets (a ZIP, or Parameters with one) in; a Bundle out."""
        options = {"fhir_version": fhir_version, "version": version, "base_url": settings.base_url}
        async with _Errand(request, settings, desk, gate) as errand:
            told = await errand.run(operations.to_fhir, options, settings)
            return await errand.resources(told, "bundle")

    @app.get("/fhir/metadata", tags=["FHIR operations"], responses={200: _DONE}, response_class=Response)
    async def metadata(request: Request) -> Response:
        """The CapabilityStatement."""
        when = time.strftime("%Y-%m-%d", time.gmtime())
        return JSONResponse(operations.capabilities(_base(request), when), media_type=FHIR_JSON)

    @app.get("/fhir/OperationDefinition/{name}", tags=["FHIR operations"], responses=_UNKNOWN, response_class=Response)
    async def definition(request: Request, name: str) -> Response:
        """The OperationDefinition of an operation."""
        found = operations.definition(name, _base(request))
        if found is None:
            raise RefusedError(404, "There is no such operation.", "use to-sdtm or to-fhir")
        return JSONResponse(found, media_type=FHIR_JSON)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/") + "/fhir"


def _known_parameters(request: Request) -> None:
    """Raise RefusedError(400) for a parameter the call does not have: a slip in its name would be passed over."""
    known = {one.alias for one in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise RefusedError(400, f"There is no parameter {unknown[0]!r}.", f"use {', '.join(sorted(known))}")


# --- one request ------------------------------------------------------------------------------------------------------


class _Errand:
    """One request's way: let in, a place at the desk, the body to disk, the work, the answer, and all cleaned up."""

    def __init__(self, request: Request, settings: Settings, desk: work.Desk, gate: Gate) -> None:
        self._request, self._settings, self._desk, self._gate = request, settings, desk, gate
        self._handed_on = False
        self.folder = Path()

    async def __aenter__(self) -> Self:
        _known_parameters(self._request)
        self._request.state.caller = await to_thread.run_sync(self._gate.let_in, self._request.headers)
        self._desk.admit()
        self._desk.inside += 1
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="trialbridge-", dir=self._settings.folder))
        except BaseException:
            self._desk.inside -= 1
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._desk.inside -= 1
        if not self._handed_on:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def run(self, job: Callable[..., Told], options: dict[str, Any], *more: Any) -> Told:
        """What the job says of the body. Raises RefusedError where it cannot be read."""
        body = await spool(self._request, self.folder, self._settings)
        options = {**options, "name": naming.told(self._request.headers)}
        code, told = await self._desk.run(job, str(body), str(self.folder / "out"), options, *more)
        if "error" in told:
            error = told["error"]
            status = 500 if "fault of trialbridge" in error["message"] else 422
            where = error["where"].replace(str(self.folder) + "/", "").replace(str(self.folder), "")
            raise RefusedError(status, f"{where + ': ' if where else ''}{error['message']}", error["fix"])
        return code, told

    def closing(self, answer: Response) -> Response:
        """The answer, after which the folder is removed."""
        self._handed_on = True
        answer.background = BackgroundTask(shutil.rmtree, self.folder, ignore_errors=True)
        return answer

    def file(self, file: Path, media_type: str, told: Told | None = None) -> Response:
        """One file."""
        return self.closing(FileResponse(file, media_type=media_type, headers=_headers(told)))

    async def package(self, told: Told) -> Response:
        """All that was written, as a ZIP."""
        target = self.folder / "out.zip"
        await to_thread.run_sync(zipped, self.folder / "out", target)
        return self.file(target, "application/zip", told)

    async def resources(self, told: Told, format: str) -> Response:  # noqa: A002 - the user's word
        """The resources alone, streamed."""
        out = self.folder / "out"
        if format == "xml":
            return self.file(out / "bundle.xml", "application/fhir+xml", told)
        if format != "ndjson":
            return self.file(out / "bundle.json", FHIR_JSON, told)
        stream = StreamingResponse(blocks(resources_of(out)), media_type="application/fhir+ndjson")
        stream.headers.update(_headers(told))
        return self.closing(stream)


def _headers(told: Told | None) -> dict[str, str]:
    """Findings and account of a conversion, for whoever takes the data alone."""
    if told is None or "findings" not in told[1]:
        return {}
    counts = told[1]["findings"]
    said = "; ".join(f"{name}={times}" for name, times in counts.items())
    return {"X-Trialbridge-Findings": said, "X-Trialbridge-Adds-Up": str(told[1].get("addsUp", True)).lower()}


# --- faults ---------------------------------------------------------------------------------------------------------


def _faults(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        return outcome(error.status, error.message, error.fix, error.headers)

    @app.exception_handler(HTTPException)
    async def known(_: Request, error: HTTPException) -> Response:
        return outcome(error.status_code, f"{error.detail}.", "see /docs for what the service does", error.headers)

    @app.exception_handler(RequestValidationError)
    async def parameters(_: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return outcome(400, f"A parameter is not right: {told}.", "see /docs")

    @app.exception_handler(Exception)
    async def unknown(_: Request, error: Exception) -> Response:
        return outcome(500, f"This is a fault of the service ({type(error).__name__}).", "report it with X-Request-ID")
