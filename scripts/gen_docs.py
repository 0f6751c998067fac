#!/usr/bin/python3
"""gen_docs.py WHAT VERSION SETTINGS.json CTL.json [TEMPLATE]: man pages and completions.

They are made from the tables the programs themselves use: SETTINGS.json is what man/settings_json
prints, CTL.json what `pipelinectl help --json` prints. WHAT is man, or bash, zsh or fish with -daemon
or -ctl behind it.
"""
import json
import pathlib
import sys


# ---- man


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def tagged(head, text):
    return f".TP\n{head}\n{roff(text)}\n"


def option_head(name, argument):
    return f".B \\-\\-{roff(name)}" if not argument else f".BI \\-\\-{roff(name)} \" {roff(argument)}\""


def default_of(setting):
    value = setting["default"]
    if value and setting["type"].startswith("list"):
        value = value.replace(",", ", ")
    return f" Default: {value}." if value and setting["type"] != "yes or no" else ""


def by_group(settings):
    groups = {}
    for setting in settings:
        groups.setdefault(setting["group"], []).append(setting)
    return groups.items()


def man(version, daemon, ctl, template):
    settings = daemon["settings"]
    parts = {
        "VERSION": version,
        "FLAGS": "".join(tagged(option_head(f["name"], f["argument"]), f["help"]) for f in daemon["flags"]),
        "SETTINGS": "".join(
            f".SS {roff(group)}\n" + "".join(
                tagged(option_head(s["name"], None if s["flag"] else s["argument"]),
                       s["help"] + default_of(s)) for s in members)
            for group, members in by_group(settings)),
        "KEYS": "".join(
            f".SS {roff(group)}\n" + "".join(
                tagged(f".BR {roff(s['name'])} \" ({roff(s['type'] + (', live' if s['live'] else ''))})\"",
                       s["help"] + default_of(s)) for s in members)
            for group, members in by_group(settings)),
        "GLOBALS": "".join(tagged(option_head(o["name"], o["argument"]), o["help"]) for o in ctl["options"]),
        "COMMANDS": "".join(
            f".SS \"{roff((c['name'] + ' ' + c['operands']).strip())}\"\n{roff(c['summary'])}\n" + "".join(
                tagged(option_head(o["name"], o["argument"]), o["help"]) for o in c["options"])
            for c in ctl["commands"]),
    }
    text = pathlib.Path(template).read_text()
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part.rstrip("\n"))
    return text


# ---- completions


def daemon_options(daemon):
    """(name, takes a value, choices, kind of value, help) of every flag."""
    for f in daemon["flags"]:
        yield f["name"], bool(f["argument"]), [], "path" if f["argument"] == "FILE" else "", f["help"]
    for s in daemon["settings"]:
        yield s["name"], not s["flag"], s["choices"], "path" if "path" in s["type"] else "", s["help"]


def bash_daemon(daemon):
    options = list(daemon_options(daemon))
    cases = "".join(f"    --{name}) COMPREPLY=($(compgen -W '{' '.join(choices)}' -- \"$word\")); return ;;\n"
                    for name, _, choices, _, _ in options if choices)
    paths = "|".join(f"--{name}" for name, _, _, kind, _ in options if kind == "path")
    others = "|".join(f"--{name}" for name, value, choices, kind, _ in options
                      if value and not choices and kind != "path")
    return f"""# bash completion of pipelined
_pipelined() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
    case $before in
{cases}    {paths}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    {others}) return ;;
    esac
    COMPREPLY=($(compgen -W '{' '.join('--' + o[0] for o in options)}' -- "$word"))
}}
complete -o filenames -F _pipelined pipelined
"""


def bash_ctl(ctl):
    common = " ".join("--" + o["name"] for o in ctl["options"])
    cases = "".join(f"    {c['name']}) words='{' '.join('--' + o['name'] for o in c['options'])}' ;;\n"
                    for c in ctl["commands"])
    return f"""# bash completion of pipelinectl
_pipelinectl() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
        --server|--key) ((i++)) ;;
        -*) ;;
        *) command=${{COMP_WORDS[i]}}; break ;;
        esac
    done
    case $command in
    ''|help) words='{' '.join(c['name'] for c in ctl['commands'])} help' ;;
{cases}    esac
    case $word in
    -*) COMPREPLY=($(compgen -W "$words {common}" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word")) ;;
    esac
}}
complete -o filenames -F _pipelinectl pipelinectl
"""


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_spec(name, value, choices, kind, text):
    text = text.split(". ")[0].rstrip(".").replace("[", "(").replace("]", ")").replace(":", " ")
    action = f":value:({' '.join(choices)})" if choices else ":file:_files" if kind == "path" else ":value:"
    return quoted(f"*--{name}[{text}]" + (action if value else ""))


def zsh_daemon(daemon):
    specs = " \\\n    ".join(zsh_spec(*o) for o in daemon_options(daemon))
    return f"#compdef pipelined\n_arguments \\\n    {specs}\n"


def zsh_ctl(ctl):
    def specs(options):
        return " \\\n        ".join(zsh_spec(o["name"], bool(o["argument"]), [], "path" if o["argument"] == "FILE" else "",
                                         o["help"]) for o in options)

    names = " ".join(quoted(f"{c['name']}:{c['summary'].replace(':', ' ')}") for c in ctl["commands"])
    cases = "".join(f"    {c['name']}) _arguments {specs(c['options'] + ctl['options'])} '*:operand:_files' ;;\n"
                    for c in ctl["commands"])
    return f"""#compdef pipelinectl
local -a commands
commands=({names})
_arguments -C {specs(ctl['options'])} '1:command:->command' '*::operand:->operands'
case $state in
command) _describe command commands ;;
operands)
    case $words[1] in
{cases}    esac ;;
esac
"""


def fish_line(program, condition, name, value, choices, kind, text):
    line = f"complete -c {program}"
    if condition:
        line += f" -n {quoted(condition)}"
    line += f" -l {name} -d {quoted(text.split('. ')[0].rstrip('.'))}"
    if choices:
        line += f" -x -a {quoted(' '.join(choices))}"
    elif value:
        line += " -r" + ("F" if kind == "path" else "f")
    return line + "\n"


def fish_daemon(daemon):
    return "complete -c pipelined -f\n" + "".join(
        fish_line("pipelined", "", *o) for o in daemon_options(daemon))


def fish_ctl(ctl):
    out = "".join(fish_line("pipelinectl", "", o["name"], bool(o["argument"]), [], "", o["help"])
                  for o in ctl["options"])
    for c in ctl["commands"]:
        out += (f"complete -c pipelinectl -n __fish_use_subcommand -a {c['name']} "
                f"-d {quoted(c['summary'])}\n")
        for o in c["options"]:
            out += fish_line("pipelinectl", f"__fish_seen_subcommand_from {c['name']}", o["name"],
                             bool(o["argument"]), [], "path" if o["argument"] == "FILE" else "", o["help"])
    return out


def main(what, version, settings, commands, template=None):
    daemon = json.loads(pathlib.Path(settings).read_text())
    ctl = json.loads(pathlib.Path(commands).read_text())
    make = {"bash-daemon": lambda: bash_daemon(daemon), "zsh-daemon": lambda: zsh_daemon(daemon),
            "fish-daemon": lambda: fish_daemon(daemon), "bash-ctl": lambda: bash_ctl(ctl),
            "zsh-ctl": lambda: zsh_ctl(ctl), "fish-ctl": lambda: fish_ctl(ctl),
            "man": lambda: man(version, daemon, ctl, template)}
    sys.stdout.write(make[what]())


if __name__ == "__main__":
    main(*sys.argv[1:])
