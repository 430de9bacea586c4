"""What random calls leave out: functions that are known to differ, and why."""

from __future__ import annotations

from typing import Final

LEFT: Final = {
    "kx.get_turi": "an address without a user before its @ is one to the server",
    "kx.get_envn": "what an unset variable is as a number",
    "kx.get_conid": "the server crashes for a message that came by UDP",
    "siputils.cmp_hdr_name": "texts that are no names of headers compare up to their first sign",
    "ipops.is_ip_rfc1918": "the server takes 10.0.0.0/8 for an address",
    "ipops.ip_type": "the server tells half a bracket from a whole one",
    "ipops.is_ip6_reference": "the same",
    "textops.set_body_multipart": "the server may crash when it applies that",
    "textops.set_body_multipart_mode": "the same",
    "textops.set_body_multipart_content": "the same",
    "textops.set_body_multipart_boundary": "the same",
    "textops.append_body_part": "the same",
    "textops.append_body_part_cd": "the same",
    "textops.append_body_part_hex": "the same",
    "textops.append_body_part_hex_cd": "the same",
    "textops.regex_substring": "a number of more than 32 bits is another one to it",
    "siputils.add_uri_param": "the server writes what is no URI where this one has headers",
    "diversion.add_diversion_uri": "where it is among other headers that are added",
    "sl.sl_reply_error": "its status is that of the last error in the process",
    "corex.set_send_socket": "the sockets of the server are not known outside it",
    "corex.set_recv_socket": "the same",
    "textopsx.msg_set_buffer": "what is no message leaves its variables half there",
}
