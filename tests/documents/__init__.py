"""Everything that the documentation shows is tried: each block of each page, each command in a sentence.

A page is a Markdown file: README.md, docs/**/*.md, bench/README.md, config/sounds/README.md. The blocks of one page
are taken in their order, in one sandbox: a folder with the shipped `config/`, free ports in place of 5060, 8080 and
every other port that the page names behind `127.0.0.1:`, `voipbin-sip` and `python` on the path. What a reader does
not see are the words behind the language of a block; most blocks need none.

    ```yaml            A flow, scenarios, a piece of directory.yaml or of voipbin.yaml, told by its keys. It is put
                       into the sandbox's config/ and checked there, as `voipbin-sip check` does, without any finding:
                       flows as flows/NAME.yaml, scenarios as scenarios/FLOW.yaml, pieces of the other two into what
                       is there already. A first line `# config/flows/night.yaml` says another place. Files that it
                       names (password_file, certificate …) are made, unless the page has made them.
                       Also Prometheus configurations and rules.
    ```yaml wrong      The same with a mistake, which the page is about: the check must have a finding.
    ```diff            Lines to change in a file, which must be there: `--- FILE`, then lines with a blank, + or -;
                       lines that begin with @@ part the places. Commands have to show what comes of it.
    ```json            Must be JSON.
    ```sh              Commands, run by bash; must end with status 0. What they set (variables, folder) holds for the
                       following blocks. `make run` and `voipbin-sip serve` go on in the background.
    ```sh exit-1       The last command must end with this status.
    ```console         Commands behind `$ `, each with what it prints. The words must be right; words with digits in
                       them (times, ids, ports) stand for any such word, `…` for anything, a line `…` for any lines.
                       With exit-1 the last command must end with that status.
    ```http            Requests, which the API must have.
    ```python          A program, run to its end, with the variables of the shell blocks before it. A first line
                       `# receiver.py` saves it under that name instead; a command of the page has to run it then.
    ```python background   A program that goes on: it must still run, without an error, at the end of the page.
    ```ini, ```text …  Nothing to run. `text` must not look like a command.

A server runs with the sandbox's configuration from the first block on that starts one, or that needs one: with
`127.0.0.1:8080`, `$API`, or a command that asks a running server. Phones are registered then at all extensions of the
directory, and answer; where a page looks at calls, somebody has called 100 and hung up, and another one calls still.
`API` and `KEY` are set where a page uses and does not set them.

Commands within sentences, `voipbin-sip check` for example, are run too: where only one page has them, after its blocks
in its sandbox, else in a sandbox of their own with a server, phones and calls. Words in capitals are filled in
(`commands.py` has the table). Requests (`POST /calls/{id}/hold`) must be requests that the API has.

What cannot be run stands in `excused.py`, with the reason.
"""
