#!/bin/bash
# Sourced by ./check --full, after what ./check does: every compiler and sanitizer, a minute per
# fuzzer, the image, and a boot under systemd. Uses step, suite, $results and $PIPELINED_BUILD of it.
# shellcheck disable=SC2154

export PIPELINED_CRASH_ROUNDS=${PIPELINED_CRASH_ROUNDS:-200}
# A race or a leak must fail the test that met it.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

for compiler in gcc clang; do
    for kind in release asan tsan; do
        case $kind in
        release) options='-Dbuildtype=release' ;;
        asan) options='-Dbuildtype=debugoptimized -Db_sanitize=address,undefined' ;;
        tsan) options='-Dbuildtype=debugoptimized -Db_sanitize=thread' ;;
        esac
        folder=$PIPELINED_BUILD-$compiler-$kind
        # shellcheck disable=SC2086 # options are words
        if step "build $compiler $kind" env CC=$compiler scripts/build "$folder" $options; then
            suite "$compiler-$kind" "$folder" --no-suite lint
        fi
    done
done

for what in real prompts fuzz; do
    step "reference $what, all" tests/reference/run "$PIPELINED_BUILD/tests/reference/tokenizer_driver" --full $what
done

fuzzers=$PIPELINED_BUILD-fuzz
if step "build fuzzers" env CC=clang scripts/build "$fuzzers" -Dfuzz=true -Dbuildtype=debugoptimized; then
    for fuzzer in "$fuzzers"/tests/fuzz/fuzz_*; do
        [ -f "$fuzzer" ] || continue # its object files are in a folder of a like name
        name=${fuzzer##*/fuzz_}
        found=$fuzzers/found/$name # what it learns stays out of the tree, and stays
        mkdir -p "$found"
        step "fuzz $name" "$fuzzer" -max_total_time="${PIPELINED_FUZZ_SECONDS:-60}" -timeout=10 \
            -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 -artifact_prefix="$found/../crash-$name-" \
            "$found" "tests/fuzz/corpus/$name"
    done
fi

step "image" scripts/check-image.sh "$PIPELINED_BUILD-image"
step "boot under systemd" scripts/check-boot.sh "$PIPELINED_BUILD-boot"
