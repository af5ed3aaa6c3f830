from pathlib import Path

from setuptools import setup
from setuptools.command.sdist import sdist


class SdistWithTests(sdist):
    """A source distribution that whoever packages the library can test."""

    def add_defaults(self):
        super().add_defaults()
        self.filelist.append("tox.ini")
        self.filelist.recursive_include("tests", "*")
        self.filelist.global_exclude("*.py[cod]")


setup(
    name="PyJOAT",
    version="2.0.0",
    description="Issue and verify signed JWT OAuth 2.0 access tokens",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The PyJOAT authors",
    license="MIT",
    license_files=["LICENSE"],
    keywords="joat jwt json web token oauth access bearer",
    url="https://github.com/rknLA/joat",
    project_urls={
        "RFC 7519 (JSON Web Token)": "https://www.rfc-editor.org/rfc/rfc7519",
        "RFC 6750 (Bearer Token Usage)": "https://www.rfc-editor.org/rfc/rfc6750",
        "RFC 8725 (JWT Best Current Practices)": "https://www.rfc-editor.org/rfc/rfc8725",
    },
    packages=["joat"],
    package_data={"joat": ["py.typed"]},
    python_requires=">=3.9",
    entry_points={"console_scripts": ["joat = joat.__main__:main"]},
    cmdclass={"sdist": SdistWithTests},
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP",
        "Topic :: Security :: Cryptography",
        "Topic :: Software Development :: Libraries :: Python Modules",
        "Typing :: Typed",
    ],
)
