"""Where a replay does not simply compare: rules, each a bug's number and a predicate.

A rule speaks about what a case *means* (a blob that ends in CR LF, a comma in an
``httpcon`` value), never about its id, so that it holds for recordings not seen yet.
The numbers are those of the legacy modules' list of bugs, with their verdicts: a *fixed*
bug is replayed in faithful mode, a *dropped* one expects the safe outcome.
"""

from __future__ import annotations

from golden.divergences import (
    async_outcomes,
    odd_calls,
    odd_configurations,
    other_engine,
    other_tls,
    safe_headers,
    safe_outcomes,
)
from golden.divergences.rule import Rule, Verdict
from golden.replay.recordings import Case


def verdict(case: Case, backend: str) -> Verdict:
    """The case with every rule applied that is about it."""
    rules = [rule for rule in RULES if rule.backend in (None, backend) and rule.applies(case)]
    changed = case
    for rule in rules:
        changed = rule.expectation(changed) if rule.expectation else changed
    is_faithful = any(rule.expectation is None for rule in rules)
    return Verdict(changed, "faithful" if is_faithful else "fixed", rules)


RULES = [
    Rule(
        "B1",
        "listing credentials misuses memory",
        safe_outcomes.lists_credentials,
        safe_outcomes.listed_without_passwords,
    ),
    Rule(
        "B4",
        "a blob ends its last line",
        safe_headers.blob_ends_its_line,
        safe_headers.clean_after_the_blob,
    ),
    Rule(
        "B5",
        "a default header repeated further down goes out twice",
        odd_calls.repeated_default_header,
    ),
    Rule(
        "B5, lines",
        "what libcurl takes for a header in first place only",
        safe_headers.no_header_at_all,
        safe_headers.without_what_is_no_header,
    ),
    Rule(
        "B5, framing",
        "a second length, encoding or host misleads the server",
        safe_headers.misleading_framing,
        safe_headers.framing_outcome_open,
    ),
    Rule(
        "B51",
        "secrets further down a blob go to other hosts",
        safe_headers.secret_further_down,
        safe_headers.kept_from_other_hosts,
    ),
    Rule(
        "B6",
        "a line break where none belongs",
        safe_headers.injection,
        safe_headers.injection_refused,
    ),
    Rule(
        "B6, line feed",
        "a lone line feed stands between headers",
        safe_headers.lone_line_feed,
        safe_headers.separated_by_it,
    ),
    Rule(
        "B6, folding",
        "a blank around a header's name",
        safe_headers.blank_around_a_name,
        safe_headers.without_the_blank,
    ),
    Rule(
        "B9",
        "the first '@' anywhere ends the credentials",
        odd_configurations.at_sign_outside_credentials,
    ),
    Rule("B10", "a comma hides all further keys", odd_configurations.unquoted_comma),
    Rule("B11", "unknown keys are only logged", odd_configurations.unknown_key),
    Rule("$curlredirect", "registered under a name cut short", odd_calls.reads_curlredirect),
    Rule("B14", "the first line is not limited", odd_calls.limited_first_line),
    Rule("B17", "a bad section does not stop the start", odd_configurations.bad_sections),
    Rule(
        "B18", "connections of the file are not counted", odd_configurations.counts_file_connections
    ),
    Rule("B19", "plain queries use a proxy without port", odd_configurations.proxy_without_port),
    Rule(
        "B21",
        "TLS files of parameters are not applied to queries",
        safe_outcomes.tls_files_of_queries,
        safe_outcomes.tls_outcome_open,
    ),
    Rule("B24", "documented spellings are refused", odd_configurations.documented_spelling),
    Rule("B29", "an unsafe request is repeated", odd_calls.unsafe_call_on_a_kept_connection),
    Rule(
        "B35",
        "schemes other than http and https",
        safe_outcomes.foreign_scheme,
        safe_outcomes.foreign_refused,
    ),
    Rule("B37", "text is cut at the first NUL", odd_calls.nul_in_text),
    Rule("B39", "a timeout of 0 is no limit", odd_configurations.zero_timeout),
    Rule(
        "B40", "half a client certificate is ignored", odd_configurations.half_a_client_certificate
    ),
    Rule("B41", "a bad TLS version is corrected late", odd_configurations.bad_tls_version),
    Rule(
        "B42",
        "names, hosts and schemes are not checked",
        odd_configurations.nameless_hostless_or_foreign,
    ),
    Rule("B44", "URLs of 511 bytes are forgotten", odd_calls.long_url_remembered),
    Rule("B45", "a content type is cut at 241 bytes", odd_calls.long_content_type),
    Rule(
        "$var",
        "zeroes after the first NUL (2015 tree)",
        safe_outcomes.zero_filled,
        safe_outcomes.bytes_up_to_the_nul,
    ),
    Rule(
        "libcurl, keys",
        "newer ones match certificate and key earlier",
        safe_outcomes.certificate_refused,
        safe_outcomes.refused_either_way,
    ),
    Rule(
        "libcurl, NTLM",
        "this libcurl was built without it",
        safe_outcomes.lacks_ntlm,
        safe_outcomes.ntlm_outcome_open,
    ),
    Rule(
        "libcurl",
        "newer ones judge it otherwise",
        safe_outcomes.judged_differently,
        safe_outcomes.judged_either_way,
    ),
    Rule(
        "libcurl, folding",
        "newer ones hand over one line",
        safe_outcomes.unfolded_by_libcurl,
        safe_outcomes.unfolded,
    ),
    Rule(
        "async, bursts",
        "a busy machine sends late, on a connection that is free again",
        async_outcomes.comes_in_bursts,
        async_outcomes.burst_connections_open,
    ),
    Rule(
        "async, blocks",
        "the first of several header blocks is shown",
        async_outcomes.shows_first_of_several,
    ),
    Rule("async, NUL", "what follows a NUL is lost", async_outcomes.loses_bytes_to_nul),
    Rule("async, status", "read as a SIP parser does", async_outcomes.has_unreadable_status),
    Rule("async, Via", "renamed, or not parsed at all", async_outcomes.has_via),
    Rule(
        "async, settings",
        "kept for another message",
        async_outcomes.keeps_settings_for_another_message,
    ),
    Rule(
        "async, timeout",
        "a negative one ends the server",
        async_outcomes.crashes,
        async_outcomes.crash_open,
    ),
    Rule(
        "async, start",
        "the server dies while loading",
        async_outcomes.crashes_at_start,
        async_outcomes.starts,
    ),
    Rule(
        "async, chain",
        "the first revision loses the second callback",
        async_outcomes.loses_second_callback,
        async_outcomes.both_callbacks_run,
    ),
    Rule(
        "async, paths",
        "the first revision hands them over without their end",
        async_outcomes.hands_over_endless_paths,
        async_outcomes.tls_outcome_open,
    ),
    Rule(
        "async, 0 ms",
        "over before a connection is begun",
        async_outcomes.is_over_at_once,
        async_outcomes.connections_open,
    ),
    Rule(
        "async, names",
        "those of every revision are known",
        async_outcomes.uses_name_of_another_revision,
        async_outcomes.starts,
    ),
    Rule(
        "async, PATCH",
        "later revisions have it",
        async_outcomes.sets_later_method,
        async_outcomes.later_method_open,
    ),
    Rule(
        "ssl",
        "Python checks no name without checking the certificate",
        other_tls.checks_name_alone,
        other_tls.name_check_open,
        backend="httpx",
    ),
    Rule(
        "ssl, files",
        "certificate files and ciphers are read before connecting",
        other_tls.fails_in_tls,
        other_tls.connections_open,
        backend="httpx",
    ),
    Rule(
        "h11, blanks",
        "blanks around a header's value are not sent",
        other_engine.blanks_around_a_value,
        other_engine.values_without_blanks,
        backend="httpx",
    ),
    Rule(
        "h11, length",
        "a length that is not the body's is refused",
        other_engine.another_length,
        other_engine.length_open,
        backend="httpx",
    ),
    Rule(
        "h11, target",
        "a target goes out percent-encoded",
        other_engine.non_ascii_target,
        other_engine.encoded_target,
        backend="httpx",
    ),
    Rule(
        "h11, head",
        "half a head is none",
        other_engine.has_no_head,
        other_engine.nothing_came,
        backend="httpx",
    ),
    Rule(
        "httpcore",
        "its CONNECT request is its own",
        other_engine.tunnels,
        other_engine.tunnel_headers_open,
        backend="httpx",
    ),
    Rule(
        "h11, host",
        "no request goes out without Host",
        other_engine.removes_host,
        other_engine.hostless_open,
        backend="httpx",
    ),
    Rule(
        "httpx, names",
        "a proxy's name fails like any",
        other_engine.name_of_proxy_fails,
        other_engine.name_fails,
        backend="httpx",
    ),
    Rule(
        "httpx, schemes",
        "only Basic and Digest are spoken",
        other_engine.offers_neither_basic_nor_digest,
        other_engine.scheme_open,
        backend="httpx",
    ),
    Rule(
        "httpx, rounds",
        "a body is not kept back for a challenge",
        other_engine.posts_before_a_challenge,
        other_engine.first_round_open,
        backend="httpx",
    ),
    Rule(
        "httpx, files",
        "TLS settings are read for plain HTTP too",
        other_tls.plain_with_tls_settings,
        other_tls.plain_open,
        backend="httpx",
    ),
    Rule(
        "httpx, clients",
        "connections belong to one set of options",
        other_engine.changes_settings,
        other_engine.connections_of_clients,
        backend="httpx",
    ),
]
