// SPDX-License-Identifier: GPL-2.0-or-later
// Keys and types that sing-box 1.14 has and we do not, each with what to do about it.
#include "app/config_parts.h"

#define NO(name, what)                                                                             \
	{                                                                                          \
		.key = name, .type = ROW_REFUSED, .help = what                                     \
	}
#define OFF(name, what)                                                                            \
	{                                                                                          \
		.key = name, .type = ROW_FALSE, .help = what                                       \
	}

#define NO_SETS	  "remove it: put the list into a file for ip_cidr_file, or its names into the rule"
#define NO_GEO	  "use ip_cidr_file with a list of prefixes"
#define NO_OWNER  "remove it: who owns a connection, and by what network, is not known here"
#define NO_OPTION "remove it: a rule only chooses the outbound; options are set there"
#define NO_SNIFF  "remove it: nothing here depends on what a connection carries"
#define NO_DNS	  "remove it: names are looked up through dns.servers or the system's servers"
#define KEEPALIVE "remove it: keepalive is always on, first probe and interval 15 s"
#define NO_NETS	  "remove it: there is only the system's network; bind_interface chooses an interface"
#define NO_FACADE "remove it: connections are plain TLS"
#define NO_NETNS  "start the program inside the network namespace instead (ip netns exec)"
#define NO_AUTH	  "remove it: clients authenticate by their password, not by certificate"

const struct config_row config_refused_top[] = {
	NO("ntp", "remove it and keep the system's clock right"),
	NO("certificate", "remove it: trust anchors are the system's, or tls.certificate_path"),
	NO("certificate_providers",
	   "get certificates with an ACME client; changed files are reloaded"),
	NO("http_clients", "remove it: nothing is fetched over HTTP"),
	NO("network_namespaces", NO_NETNS),
	NO("endpoints", "remove it: there are inbounds and outbounds only"),
	NO("services", "remove it: there are no services"),
	NO("experimental", "remove it: there is no cache file and no controller"),
	{ 0 },
};

const struct config_row config_refused_log[] = {
	{ 0 },
};

const struct config_row config_refused_dns[] = {
	NO("rules", "remove it: all names go to dns.servers"),
	NO("final", "remove it: all names go to dns.servers"),
	NO("reverse_mapping", NO_DNS),
	NO("strategy", "remove it: both families are asked for and tried (RFC 8305)"),
	NO("timeout", NO_DNS),
	NO("disable_cache", "remove it: answers are kept for their TTL"),
	NO("disable_expire", "remove it: answers are kept for their TTL"),
	NO("independent_cache", NO_DNS),
	NO("cache_capacity", NO_DNS),
	NO("optimistic", "remove it: answers are kept for their TTL"),
	NO("client_subnet", NO_DNS),
	NO("fakeip", NO_DNS),
	{ 0 },
};

const struct config_row config_refused_route[] = {
	NO("rule_set", NO_SETS),
	NO("geoip", NO_GEO),
	NO("geosite", NO_SETS),
	NO("find_process", NO_OWNER),
	NO("find_neighbor", NO_OWNER),
	NO("dhcp_lease_files", NO_OWNER),
	NO("auto_detect_interface", "remove it, or set bind_interface of the outbound"),
	NO("override_android_vpn", "remove it"),
	NO("default_interface", "set bind_interface of the outbound"),
	NO("default_domain_resolver", NO_DNS),
	NO("default_network_strategy", NO_NETS),
	NO("default_network_type", NO_NETS),
	NO("default_fallback_network_type", NO_NETS),
	NO("default_fallback_delay", "set fallback_delay of the outbound"),
	NO("default_http_client", "remove it: nothing is fetched over HTTP"),
	{ 0 },
};

const struct config_row config_refused_rule[] = {
	NO("mode", "write one rule for each case, the special ones first"),
	NO("rules", "write one rule for each case, the special ones first"),
	NO("invert", "put a rule for the opposite in front, with the other outbound"),
	NO("ip_version", "use ip_cidr with \"0.0.0.0/0\" or \"::/0\""),
	NO("protocol", "use port: of what a connection carries only its host name is looked at"),
	NO("client", "remove it: what a connection carries is not told apart by program"),
	NO("domain_regex", "use domain_suffix or domain_keyword"),
	NO("geosite", NO_SETS),
	NO("geoip", NO_GEO),
	NO("source_geoip", "use source_ip_cidr_file with a list of prefixes"),
	NO("rule_set", NO_SETS),
	NO("rule_set_ip_cidr_match_source", NO_SETS),
	NO("rule_set_ipcidr_match_source", NO_SETS),
	NO("process_name", NO_OWNER),
	NO("process_path", NO_OWNER),
	NO("process_path_regex", NO_OWNER),
	NO("package_name", NO_OWNER),
	NO("package_name_regex", NO_OWNER),
	NO("user", "use auth_user; system users are not known here"),
	NO("user_id", NO_OWNER),
	NO("clash_mode", "remove it: there is no controller"),
	NO("wifi_ssid", NO_OWNER),
	NO("wifi_bssid", NO_OWNER),
	NO("network_type", NO_OWNER),
	NO("network_is_expensive", NO_OWNER),
	NO("network_is_constrained", NO_OWNER),
	NO("interface_address", NO_OWNER),
	NO("network_interface_address", NO_OWNER),
	NO("default_interface_address", NO_OWNER),
	NO("preferred_by", NO_OWNER),
	NO("source_hostname", "use source_ip_cidr"),
	NO("source_mac_address", "use source_ip_cidr"),
	NO("method", "remove it: what is rejected is refused (TCP) or dropped (UDP)"),
	NO("no_drop", "remove it: what is rejected is refused (TCP) or dropped (UDP)"),
	NO("sniffer", "set sniff of the transparent inbound"),
	NO("timeout", "set sniff_timeout of the transparent inbound"),
	NO("server", NO_DNS),
	NO("strategy", NO_DNS),
	NO("disable_cache", NO_DNS),
	NO("disable_optimistic_cache", NO_DNS),
	NO("rewrite_ttl", NO_DNS),
	NO("client_subnet", NO_DNS),
	NO("override_address", NO_OPTION),
	NO("override_port", NO_OPTION),
	NO("network_strategy", NO_OPTION),
	NO("fallback_network_type", NO_OPTION),
	NO("fallback_delay", NO_OPTION),
	NO("udp_disable_domain_unmapping", NO_OPTION),
	NO("udp_connect", NO_OPTION),
	NO("udp_timeout", "set udp_timeout of the inbound"),
	NO("tls_fragment", NO_OPTION),
	NO("tls_fragment_fallback_delay", NO_OPTION),
	NO("tls_record_fragment", NO_OPTION),
	NO("tls_spoof", NO_OPTION),
	NO("tls_spoof_method", NO_OPTION),
	{ 0 },
};

const struct config_type_hint config_action_hints[] = {
	{ "route-options", "remove the rule: options are set on outbounds and inbounds" },
	{ "direct", "use \"route\" with the tag of an outbound of type \"direct\"" },
	{ "hijack-dns", "remove the rule and set hijack_dns of the transparent inbound" },
	{ "sniff", "remove the rule and set sniff of the transparent inbound" },
	{ "resolve", "remove the rule: rules do not look names up, outbounds do" },
	{ NULL, NULL },
};

const struct config_row config_refused_listen[] = {
	NO("bind_interface", "give \"listen\" an address of that interface"),
	NO("routing_mark", "set it on the outbound"),
	NO("reuse_addr", "remove it: a port whose owner was killed can always be bound at once"),
	NO("netns", NO_NETNS),
	NO("tcp_multi_path", "remove it: multipath TCP is not used"),
	NO("disable_tcp_keep_alive", KEEPALIVE),
	NO("tcp_keep_alive", KEEPALIVE),
	NO("tcp_keep_alive_interval", KEEPALIVE),
	NO("udp_fragment", "remove it: datagrams are fragmented as the system does"),
	NO("detour", "remove it: an inbound cannot feed another one"),
	NO("proxy_protocol", "remove it: the PROXY protocol is not read"),
	NO("proxy_protocol_accept_no_header", "remove it: the PROXY protocol is not read"),
	NO("sniff", NO_SNIFF),
	NO("sniff_override_destination", NO_SNIFF),
	NO("sniff_timeout", NO_SNIFF),
	NO("domain_strategy", "remove it: both families are tried (RFC 8305)"),
	NO("udp_disable_domain_unmapping",
	   "remove it: answers come from the address that sent them"),
	{ 0 },
};

const struct config_row config_refused_inbound[] = {
	NO("domain_resolver", NO_DNS),
	NO("set_system_proxy", "remove it and set the proxy in the desktop's settings"),
	NO("multiplex", "remove it: AnyTLS sessions carry many streams by themselves"),
	NO("transport", NO_FACADE),
	NO("network", "remove it: both TCP and UDP are served"),
	{ 0 },
};

const struct config_row config_refused_dial[] = {
	NO("detour", "remove it: outbounds cannot be chained"),
	NO("bind_address_no_port", "remove it"),
	NO("protect_path", "remove it: it is for Android"),
	NO("reuse_addr", "remove it"),
	NO("netns", NO_NETNS),
	NO("tcp_multi_path", "remove it: multipath TCP is not used"),
	NO("disable_tcp_keep_alive", KEEPALIVE),
	NO("tcp_keep_alive", KEEPALIVE),
	NO("tcp_keep_alive_interval", KEEPALIVE),
	NO("udp_fragment", "remove it: datagrams are fragmented as the system does"),
	NO("domain_resolver", NO_DNS),
	NO("network_strategy", NO_NETS),
	NO("network_type", NO_NETS),
	NO("fallback_network_type", NO_NETS),
	NO("domain_strategy", "remove it: both families are tried (RFC 8305)"),
	NO("override_address", "remove it: destinations are dialled as they are asked for"),
	NO("override_port", "remove it: destinations are dialled as they are asked for"),
	NO("proxy_protocol", "remove it: the PROXY protocol is not written"),
	NO("multiplex", "remove it: AnyTLS keeps sessions open by itself (idle_session_timeout)"),
	NO("transport", NO_FACADE),
	NO("network", "remove it: both TCP and UDP are carried"),
	NO("udp_over_tcp", "remove it: UDP always travels as UDP over TCP"),
	{ 0 },
};

const struct config_row config_refused_tls[] = {
	NO("handshake_timeout", "set limits.handshake_timeout"),
	NO("ech", "remove it: encrypted client hello is not supported"),
	NO("reality", NO_FACADE),
	{ 0 },
};

const struct config_row config_refused_tls_inbound[] = {
	NO("client_authentication", NO_AUTH),
	NO("client_certificate", NO_AUTH),
	NO("client_certificate_path", NO_AUTH),
	NO("client_certificate_public_key_sha256", NO_AUTH),
	NO("certificate_provider",
	   "get certificates with an ACME client; changed files are reloaded"),
	NO("acme", "get certificates with an ACME client; changed files are reloaded"),
	{ 0 },
};

const struct config_row config_refused_tls_outbound[] = {
	NO("engine", "remove it: OpenSSL is the only one"),
	NO("fragment", "remove it: the handshake is not fragmented"),
	NO("fragment_fallback_delay", "remove it: the handshake is not fragmented"),
	NO("record_fragment", "remove it: the handshake is not fragmented"),
	NO("spoof", "remove it: no packets are forged"),
	NO("spoof_method", "remove it: no packets are forged"),
	NO("utls", "remove it: the handshake is OpenSSL's, no browser's is imitated"),
	{ 0 },
};

#define NO_CAPTURE "use a \"transparent\" inbound"
#define NO_PROTO   "only AnyTLS and SOCKS5 are spoken"

const struct config_type_hint config_inbound_hints[] = {
	{ "mixed", "use \"socks\" (there is no HTTP proxy)" },
	{ "http", "use \"socks\"" },
	{ "tun", NO_CAPTURE },
	{ "direct", "fixed destinations are not supported; use \"socks\"" },
	{ "bridge", NO_CAPTURE },
	{ "shadowsocks", NO_PROTO },
	{ "snell", NO_PROTO },
	{ "vmess", NO_PROTO },
	{ "vless", NO_PROTO },
	{ "trojan", NO_PROTO },
	{ "naive", NO_PROTO },
	{ "hysteria", NO_PROTO },
	{ "hysteria2", NO_PROTO },
	{ "shadowtls", NO_PROTO },
	{ "tuic", NO_PROTO },
	{ "cloudflared", NO_PROTO },
	{ NULL, NULL },
};

#define NO_GROUP "outbounds cannot be grouped; name one in route.final"

const struct config_type_hint config_outbound_hints[] = {
	{ "dns", "remove it: names are looked up through dns.servers or the system's servers" },
	{ "selector", NO_GROUP },
	{ "urltest", NO_GROUP },
	{ "bridge", NO_PROTO },
	{ "socks", "only direct, block and anytls lead out" },
	{ "http", "only direct, block and anytls lead out" },
	{ "shadowsocks", NO_PROTO },
	{ "shadowsocksr", NO_PROTO },
	{ "snell", NO_PROTO },
	{ "vmess", NO_PROTO },
	{ "vless", NO_PROTO },
	{ "trojan", NO_PROTO },
	{ "naive", NO_PROTO },
	{ "wireguard", NO_PROTO },
	{ "hysteria", NO_PROTO },
	{ "hysteria2", NO_PROTO },
	{ "tor", NO_PROTO },
	{ "ssh", NO_PROTO },
	{ "shadowtls", NO_PROTO },
	{ "tuic", NO_PROTO },
	{ "openconnect", NO_PROTO },
	{ "openvpn-client", NO_PROTO },
	{ "tailscale", NO_PROTO },
	{ NULL, NULL },
};
