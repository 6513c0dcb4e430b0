"""Plans: what a blueprint would make here. Changes nothing."""

from __future__ import annotations

import asyncio
from functools import cached_property

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rackless.api.guard import Who
from rackless.api.here import Here
from rackless.api.ordinary import plan_for
from rackless.api.places import place_row
from rackless.blueprints import load, references, schema_text
from rackless.model.blueprint import Blueprint
from rackless.model.errors import FilesNeededError
from rackless.planning import Summary, summary
from rackless.providers.everywhere import unable
from rackless.sandboxes import booking
from rackless.store.blueprints import Written
from rackless.workflows.world import World

router = APIRouter(tags=["plans"])


class BlueprintSource(BaseModel):
    """A blueprint as text. Post it without `files` first; the answer `files-needed` names those to send along."""

    text: str = Field(max_length=4 << 20)
    file: str = Field("blueprint.yaml", description="Its name, for the places of problems")
    files: dict[str, str] = Field({}, description="Content of each file it refers to, by the name it uses")
    complete: bool = Field(False, description="All that could be read was sent: do not ask for files")

    @cached_property
    def _referred(self) -> tuple[str, ...]:
        return references(self.text)

    async def blueprint(self, here: World) -> Blueprint:
        """In a thread: a long one takes seconds, in which others are answered."""
        return await asyncio.to_thread(self._read, here)

    def _read(self, here: World) -> Blueprint:
        missing = [name for name in self._referred if name not in self.files]
        if missing and not self.complete:
            raise FilesNeededError(missing)
        return load(self.text, file=self.file, families=here.site.families, files=self.files, site=here.site)

    def written(self) -> Written:
        """To be kept with the lab."""
        used = {name: self.files[name] for name in self._referred if name in self.files}
        file = "".join(char for char in self.file if char.isprintable()) or "blueprint.yaml"
        return Written(text=self.text, file=file, files=used)


class BlueprintText(BlueprintSource):
    """The same, for a lab that is named by it."""

    name: str | None = Field(None, description="Name of the lab, instead of the blueprint's")


@router.post("/plans")
async def make_plan(body: BlueprintText, here: Here, who: Who) -> Summary:
    """Every machine, port, wire and network that the blueprint would make, with names, MACs and addresses; where it would be, and
    what those places can't do of it. No secrets."""
    blueprint = await body.blueprint(here)
    name = blueprint.name if body.name is None else body.name
    drafted = await here.database.read(booking.draft, blueprint, name, here.place)
    places = [place_row(here, place) for place in here.site.everywhere if place.name in drafted.places]
    return plan_for(who, summary(drafted, places, unable(here.provider, drafted)))


@router.get("/blueprints/schema", response_class=Response, responses={200: {"content": {"application/schema+json": {}}}})
async def blueprint_schema() -> Response:
    """The JSON schema (draft 2020-12) of a blueprint, for editors."""
    return Response(schema_text(), media_type="application/schema+json")
