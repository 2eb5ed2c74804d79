"""usage: unpack_wheels.py FOLDER_OF_WHEELS DESTINATION PREFIX...

Unpacks, from every wheel in a folder, the files whose names start with one of the prefixes. The
archive's checksums are compared while reading; a damaged file ends the program with status 1.
"""
import pathlib
import sys
import zipfile


def unpack(wheel, destination, prefixes):
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(prefixes) and not n.endswith("/")]
        for name in names:
            archive.extract(name, destination)
    return len(names)


def main():
    folder, destination, *prefixes = sys.argv[1:]
    wheels = sorted(pathlib.Path(folder).glob("*.whl"))
    if not wheels:
        sys.exit(f"{folder} holds no wheel")
    for wheel in wheels:
        try:
            unpack(wheel, destination, tuple(prefixes))
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            sys.exit(f"{wheel.name} cannot be unpacked: {error}; run scripts/bootstrap again")


main()
