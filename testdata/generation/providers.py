"""Providers of realistic words: Faker, mimesis, or a provider of the user with the same small protocol.

Only words come from a provider. Mail addresses, domains, telephone numbers and network addresses are generated in
`making/kinds.py`, in ranges that are reserved for examples.
"""

from collections.abc import Callable, Mapping
from importlib import metadata
from itertools import accumulate
from random import Random
from typing import Any, Protocol, cast

__all__ = ["Provider", "ProviderFactory", "need", "provider_factory"]

Words = Mapping[str, Callable[[], Any]]


class Provider(Protocol):
    """Provider of words of a language. Its randomness comes only from `random`, which the owner seeds."""

    @property
    def name(self) -> str:
        """Name; providers with other names generate other data from the same seed."""
        ...

    @property
    def version(self) -> str:
        """Release, which is recorded with the words."""
        ...

    @property
    def random(self) -> Random:
        """Its only random source."""
        ...

    @property
    def words(self) -> Words:
        """Function of each kind of word: at least first_name, last_name and address; values are JSON."""
        ...


ProviderFactory = Callable[[str], Provider]
"""Function that returns a provider for a locale such as `en_US`; called once in each thread."""


def need(module: str) -> ModuleNotFoundError:
    """Return the error for a missing library of the extra."""
    return ModuleNotFoundError(
        f"generating test data needs {module}; install it with: pip install 'pytest-insight[testdata]'", name=module
    )


def provider_factory(provider: str | ProviderFactory) -> ProviderFactory:
    """Return the factory with a name, or the given one.

    Raises:
        ValueError: the provider is unknown.
    """
    if callable(provider):
        return provider
    if provider not in _BY_NAME:
        raise ValueError(f"no provider {provider!r}; there are {', '.join(_BY_NAME)}, or give a function of a locale")
    return _BY_NAME[provider]


class FakerProvider:
    """Words of Faker, with a random source of its own: Faker's shared random source is not used."""

    name = "faker"

    def __init__(self, locale: str) -> None:
        try:
            from faker.factory import Factory  # noqa: PLC0415 - a heavy library is imported when it is asked for
        except ModuleNotFoundError as error:
            raise need("Faker") from error
        try:
            # Faker adds its methods at run time, which no type checker sees.
            self._fake: Any = Factory.create(locale)
        except AttributeError as error:
            raise ValueError(f"Faker has no locale {locale!r}; write it like en_US or de_DE") from error
        self.random = Random(0)  # noqa: S311 - reproducible on purpose
        self._fake.random = self.random
        self.version = metadata.version("faker")
        self._country = locale.partition("_")[2] or None
        fake = self._fake
        self._draw_quickly("first_name", "first_names")
        self._draw_quickly("last_name", "last_names")
        self.words: Words = {
            "first_name": fake.first_name,
            "last_name": fake.last_name,
            "address": self._address,
            "street": fake.street_address,
            "city": fake.city,
            "company": fake.company,
            "job": fake.job,
            "word": fake.word,
            "sentence": fake.sentence,
            "color": fake.color_name,
        }

    def _draw_quickly(self, word: str, table: str) -> None:
        """Draw from a weighted table with precomputed sums; Faker adds them up for each name, which takes 50 us.

        Faker uses the faster function, too, since streets, cities and companies are named after people.

        """
        names_of_people = getattr(getattr(self._fake, word), "__self__", None)
        found: Any = getattr(names_of_people, table, None)
        if isinstance(found, Mapping) and found:
            weights = cast("Mapping[str, float]", found)
            names, sums, choices = list(weights), list(accumulate(weights.values())), self.random.choices
            self._fake.set_formatter(word, lambda: choices(names, cum_weights=sums)[0])

    def _address(self) -> dict[str, Any]:
        fake = self._fake
        address = {"street": fake.street_address(), "city": fake.city(), "state": None, "postal_code": fake.postcode()}
        if self._country == "US":  # where Faker can say which codes are of which state
            address["state"] = fake.state_abbr(include_territories=False, include_freely_associated_states=False)
            address["postal_code"] = fake.postcode_in_state(address["state"])
        elif region := getattr(fake, "administrative_unit", None) or getattr(fake, "state", None):
            address["state"] = region()
        return address | {"country": self._country}


class MimesisProvider:
    """Words of mimesis: fewer kinds of names, generated many times faster."""

    name = "mimesis"

    def __init__(self, locale: str) -> None:
        try:
            import mimesis  # noqa: PLC0415 - a heavy library is imported when it is asked for
            from mimesis.random import Random as MimesisRandom  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise need("mimesis") from error
        language, _, country = locale.partition("_")
        known = {item.value: item for item in mimesis.Locale}
        found = known.get(f"{language}-{country}".lower()) or known.get(language.lower())
        if found is None:
            raise ValueError(f"mimesis has no locale {locale!r}; write it like en_US or de_DE")
        self.random = MimesisRandom(0)
        self.version = metadata.version("mimesis")
        self._country = country or None
        person = mimesis.Person(found, random=self.random)
        self._place = mimesis.Address(found, random=self.random)
        text = mimesis.Text(found, random=self.random)
        self.words: Words = {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "address": self._address,
            "street": self._place.address,
            "city": self._place.city,
            "company": mimesis.Finance(found, random=self.random).company,
            "job": person.occupation,
            "word": text.word,
            "sentence": text.sentence,
            "color": text.color,
        }

    def _address(self) -> dict[str, Any]:
        place = self._place
        return {
            "street": place.address(),
            "city": place.city(),
            "state": place.state(),
            "postal_code": place.zip_code(),
            "country": self._country,
        }


_BY_NAME: dict[str, ProviderFactory] = {"faker": FakerProvider, "mimesis": MimesisProvider}
