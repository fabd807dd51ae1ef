# The operator's command: docs/culvert.schema.json, metrics and dashboard, first certificates, diagnose.
# Debian's own python3: it has Debian's python3-jsonschema and python3-prometheus-client.
foreach(test schema metrics)
    interop_test(interop_cli_${test} /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/vici/${test}.py)
endforeach()
set_tests_properties(interop_cli_metrics PROPERTIES
    ENVIRONMENT "CULVERTD=${CMAKE_BINARY_DIR}/bin/culvertd;CULVERT=${CMAKE_BINARY_DIR}/bin/culvert;CULVERT_EXPORTER=${CMAKE_BINARY_DIR}/bin/culvert-exporter")
foreach(case first_certificates diagnose_all_well diagnose_nat diagnose_port_blocked diagnose_nat_port_blocked
        diagnose_esp_blocked diagnose_mtu_1280 diagnose_wrong_psk diagnose_no_proposal diagnose_ts_mismatch)
    interop_test(interop_cli_${case} ${interop_run} culvert culvert ${case})
endforeach()
