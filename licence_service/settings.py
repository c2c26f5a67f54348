"""Every setting, with its default and one sentence. Environment variables are the names in capitals after `LICENCE_`."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from licence_service.errors import Misconfigured

LONGEST_HOST = 32  # characters, with the port: what fits beside every code, and leaves the code within version 11


class Settings(BaseSettings):
    """Read once at start-up; the defaults work on a laptop."""

    model_config = SettingsConfigDict(env_prefix="LICENCE_", frozen=True, extra="ignore")

    public_url: str = Field(
        "http://127.0.0.1:8000",
        description="The address that codes on paper carry; final from the first licence on; a host of at most 32 characters.",
    )
    database_url: SecretStr = Field(SecretStr("sqlite:///var/licence.db"), description="The register: `sqlite:///…` or `postgresql+psycopg://…`.")
    archive_url: str = Field("file:var/archive", description="Where sealed documents lie: `file:<folder>` or `s3://<bucket>/<prefix>`.")
    archive_endpoint: str = Field("", description="The S3 server's address, where it is not the cloud's own.")
    archive_region: str = Field("", description="The S3 region.")
    archive_access_key_id: SecretStr = Field(SecretStr(""), description="The S3 key id; empty takes the usual AWS variables.")
    archive_secret_access_key: SecretStr = Field(SecretStr(""), description="The S3 secret.")
    templates: Path = Field(Path("templates"), description="The folder of certificate types.")
    keys: Path = Field(Path("var/keys"), description="The folder of the departments' seals.")
    fonts: Path = Field(Path("~/.cache/licence-service/fonts"), description="The folder of prepared fonts (`licence-service fonts build`).")
    seal_passphrase: SecretStr = Field(SecretStr(""), description="Opens the private keys; or use the file below.")
    seal_passphrase_file: Path | None = Field(None, description="A file that holds the passphrase of the private keys.")
    pkcs11_module: str = Field("", description="The PKCS #11 library through which seals in a token are reached, such as a path to `….so`.")
    pkcs11_pin: SecretStr = Field(SecretStr(""), description="The user PIN of the tokens; or use the file below; empty logs in nowhere.")
    pkcs11_pin_file: Path | None = Field(None, description="A file that holds the user PIN of the tokens.")
    payload_key: SecretStr = Field(SecretStr(""), description="Encrypts sensitive values: 64 hexadecimal digits; or use the file below.")
    payload_key_file: Path | None = Field(None, description="A file that holds the payload key.")
    allow_demo_keys: bool = Field(default=False, description="Start although seals are demonstration keys; their licences say SPECIMEN.")
    seal_timeout_seconds: float = Field(10.0, description="How long a remote seal service, or a token, may be silent.")
    worker_seconds: float = Field(
        5.0,
        description="How often the server looks for unfinished issues, and has documents looked at again; 0 leaves that to `licence-service work`.",
    )
    head_seconds: float = Field(
        1.0, description="How often the server signs a head over new lines of the book; 0 leaves that to `licence-service work`."
    )
    heads_url: str = Field("", description="The second place that keeps signed heads, as `archive_url`, best run by others; empty keeps none.")
    webhook_seconds: float = Field(1.0, description="How often the server looks for events to deliver; 0 leaves that to `licence-service work`.")
    webhook_networks: str = Field(
        "", description="Networks that webhooks may reach beside public addresses, also without TLS: CIDR, separated by commas."
    )
    sources: Path | None = Field(None, description="The folder in which data sources that this service asks itself are declared; empty asks none.")
    repository_url: str = Field("", description="The provincial repository that the catalogue is reported to; empty reports nothing.")
    repository_token: SecretStr = Field(SecretStr(""), description="The access token at the repository; or use the file below.")
    repository_token_file: Path | None = Field(None, description="A file that holds the access token.")
    repository_secret: SecretStr = Field(SecretStr(""), description="The key that signs messages to and from the repository; or use the file below.")
    repository_secret_file: Path | None = Field(None, description="A file that holds that key.")
    repository_networks: str = Field("", description="Networks in which the repository may lie beside public addresses, as `webhook_networks`.")
    repository_seconds: float = Field(
        5.0, description="How often the server looks for changes to report; 0 leaves that, and the daily reconciliation, to `licence-service work`."
    )
    repository_holders: bool = Field(default=False, description="Report number, name and code of the holder beside the catalogue entry.")
    failures_before_slowing: int = Field(10, description="Wrong codes from one address, or for one number, in ten minutes before refusals.")
    desk_url: str = Field("", description="The address of the desk for people with roles (`/desk`), where it is not the public one.")
    openid_issuer: str = Field("", description="The OpenID provider that people of the desk sign in with; empty: nobody signs in.")
    openid_client_id: str = Field("licence-desk", description="How the provider knows this service.")
    openid_client_secret: SecretStr = Field(
        SecretStr(""), description="What the service shows the provider; or use the file below; empty: a public client."
    )
    openid_client_secret_file: Path | None = Field(None, description="A file that holds that secret.")
    identity_issuer: str = Field("", description="The identity service whose signed assertions say who a holder is; empty: nobody is a holder here.")
    identity_audience: str = Field("", description="Who its assertions name as the one they are for; empty: `LICENCE_PUBLIC_URL`.")
    identity_keys_file: Path | None = Field(None, description="A file with its keys (JWK set); without, they are found under its well-known address.")
    identity_claims: str = Field(
        "kind=holder_kind number=id_number name=name level=acr role=company_role agent_number=agent_number agent_name=agent_name session=sid",
        description="How it names what it claims, as `ours=theirs` with blanks between.",
    )
    identity_words: str = Field(
        "",
        description="Its words for kind, level and role where they are not ours, as `theirs=ours`: person, company, 1, 2, 3, legal_representative.",
    )
    holder_levels: str = Field(
        "read=1 claim=2 show=2 lend=2 download=2 looks=2 staff=2 delegate=3",
        description="The identity level that each act of a holder needs, and `staff`, a company's persons: 1 by password, 2 by real name, 3 by face or eID.",
    )
    wallet_client_id: str = Field("", description="How the identity service knows our own web wallet (`/wallet`); empty: the wallet is closed.")
    wallet_client_secret: SecretStr = Field(
        SecretStr(""), description="What the wallet shows the identity service; or use the file below; empty: a public client."
    )
    wallet_client_secret_file: Path | None = Field(None, description="A file that holds that secret.")
    notice_seconds: float = Field(
        60.0, description="How often the server looks for deadlines that holders are to be told of; 0 leaves that to `licence-service work`."
    )
    quiet_hours: str = Field("21:00-08:00", description="Hours in Beijing in which no holder is told of a deadline; empty: none.")
    session_idle_minutes: int = Field(20, ge=1, le=480, description="How long a session of the desk, or of the wallet, lasts without use.")
    session_hours: int = Field(10, ge=1, le=24, description="How long such a session lasts at most.")
    show_code_seconds: int = Field(60, ge=30, le=300, description="How long a show code lives; it is refreshed at half its life.")
    trusted_proxy: bool = Field(default=False, description="Take the caller's address from the last X-Forwarded-For entry.")

    @field_validator("public_url")
    @classmethod
    def _host_fits_beside_a_code(cls, address: str) -> str:
        if len(address.partition("://")[2].partition("/")[0]) > LONGEST_HOST:
            raise ValueError(f"the host is printed beside every code and may have {LONGEST_HOST} characters with its port")
        return address

    @field_validator("openid_issuer", "identity_issuer")
    @classmethod
    def _provider_is_reached_safely(cls, address: str) -> str:
        here = address.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
        if address and not here and not address.startswith("https://"):
            raise ValueError("an address with https, or one of this machine")
        return address

    @property
    def desk_address(self) -> str:
        """Return the address of the desk without a slash at its end."""
        return (self.desk_url or self.public_url).rstrip("/")

    def openid_secret(self) -> str:
        """Return the secret for the OpenID provider, from its variable or its file; empty where there is none."""
        return (_secret(self.openid_client_secret, self.openid_client_secret_file) or b"").decode()

    def wallet_secret(self) -> str:
        """Return the secret of the wallet for the identity service, from its variable or its file; empty where there is none."""
        return (_secret(self.wallet_client_secret, self.wallet_client_secret_file) or b"").decode()

    def passphrase(self) -> bytes | None:
        """Return the passphrase of the private keys, from its variable or its file."""
        return _secret(self.seal_passphrase, self.seal_passphrase_file)

    def token_pin(self) -> str:
        """Return the user PIN of the tokens, from its variable or its file; empty where there is none."""
        return (_secret(self.pkcs11_pin, self.pkcs11_pin_file) or b"").decode()

    def payload_secret(self) -> bytes:
        """Return the 32 bytes of the payload key."""
        text = _secret(self.payload_key, self.payload_key_file)
        if text is None:
            raise Misconfigured("LICENCE_PAYLOAD_KEY or LICENCE_PAYLOAD_KEY_FILE must be set")
        try:
            return bytes.fromhex(text.decode("ascii"))
        except ValueError as error:
            raise Misconfigured("the payload key must be 64 hexadecimal digits") from error

    def repository_keys(self) -> tuple[str, bytes]:
        """Return the access token at the repository, and the key that signs what goes there and comes from there."""
        token, secret = _secret(self.repository_token, self.repository_token_file), _secret(self.repository_secret, self.repository_secret_file)
        if not token or not secret:
            raise Misconfigured("LICENCE_REPOSITORY_TOKEN and LICENCE_REPOSITORY_SECRET, or their files, must be set with LICENCE_REPOSITORY_URL")
        return token.decode(), secret

    def archive_options(self) -> dict[str, str]:
        """Return the S3 client's options that are set."""
        options = {
            "endpoint": self.archive_endpoint,
            "region": self.archive_region,
            "access_key_id": self.archive_access_key_id.get_secret_value(),
            "secret_access_key": self.archive_secret_access_key.get_secret_value(),
        }
        return {name: value for name, value in options.items() if value}


def read_settings() -> Settings:
    """Read the environment; `Misconfigured` names each variable that is wrong, without its value."""
    try:
        return Settings()
    except ValidationError as bad:
        faults = bad.errors(include_input=False, include_context=False, include_url=False)
        raise Misconfigured("; ".join(f"LICENCE_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in faults)) from None


def _secret(value: SecretStr, file: Path | None) -> bytes | None:
    if value.get_secret_value():
        return value.get_secret_value().encode()
    if file is None:
        return None
    try:
        if file.stat().st_mode & 0o077:
            raise Misconfigured(f"{file.name} can be read by others; chmod 600 it")
        return file.read_bytes().strip()
    except OSError as error:
        raise Misconfigured(f"{file.name} cannot be read") from error
