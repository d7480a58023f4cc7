# The two curl lines of the console API's specification, as they are printed there.
curl 'http://localhost/console/api/apps/13f717a8-aba2-4155-b139-817ca700651f/chat-messages' \
  -H 'Accept: */*' \
  -H 'Accept-Language: en-US,en;q=0.9,vi;q=0.8,en-AU;q=0.7' \
  -H 'Connection: keep-alive' \
  -H 'Origin: http://localhost' \
  -H 'Referer: http://localhost/app/13f717a8-aba2-4155-b139-817ca700651f/configuration' \
  -H 'Sec-Fetch-Dest: empty' \
  -H 'Sec-Fetch-Mode: cors' \
  -H 'Sec-Fetch-Site: same-origin' \
  -H 'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36 Edg/133.0.0.0' \
  -H 'authorization: Bearer <console access token>' \
  -H 'content-type: application/json' \
  -H 'sec-ch-ua: "Not(A:Brand";v="99", "Microsoft Edge";v="133", "Chromium";v="133"' \
  -H 'sec-ch-ua-mobile: ?0' \
  -H 'sec-ch-ua-platform: "Windows"' \
  --data-raw '{"response_mode":"streaming","conversation_id":"","files":[],"query":"asdasdsad","inputs":{},"model_config":{"pre_prompt":"Your task is to analyze the provided Python code snippet, identify any bugs or errors present, and provide a corrected version of the code that resolves these issues. Explain the problems you found in the original code and how your fixes address them. The corrected code should be functional, efficient, and adhere to best practices in Python programming.","prompt_type":"simple","chat_prompt_config":{},"completion_prompt_config":{},"user_input_form":[],"dataset_query_variable":"","opening_statement":"","more_like_this":{"enabled":false},"suggested_questions":[],"suggested_questions_after_answer":{"enabled":false},"text_to_speech":{"enabled":false,"language":"","voice":""},"speech_to_text":{"enabled":false},"retriever_resource":{"enabled":false},"sensitive_word_avoidance":{"configs":[],"enabled":false,"type":""},"agent_mode":{"enabled":false,"max_iteration":5,"strategy":"function_call","tools":[]},"dataset_configs":{"retrieval_model":"single","datasets":{"datasets":[]},"top_k":4,"reranking_enable":false},"file_upload":{"image":{"detail":"high","enabled":false,"number_limits":3,"transfer_methods":["remote_url","local_file"]},"enabled":false,"allowed_file_types":[],"allowed_file_extensions":[".JPG",".JPEG",".PNG",".GIF",".WEBP",".SVG",".MP4",".MOV",".MPEG",".MPGA"],"allowed_file_upload_methods":["remote_url","local_file"],"number_limits":3,"fileUploadConfig":{"file_size_limit":15,"batch_count_limit":5,"image_file_size_limit":10,"video_file_size_limit":100,"audio_file_size_limit":50,"workflow_file_upload_limit":10}},"annotation_reply":{"enabled":false},"supportAnnotation":true,"appId":"13f717a8-aba2-4155-b139-817ca700651f","supportCitationHitInfo":true,"model":{"provider":"openai","name":"gpt-4o-mini-2024-07-18","mode":"chat","completion_params":{}}},"parent_message_id":null}'

curl 'http://localhost/console/api/apps/13f717a8-aba2-4155-b139-817ca700651f/chat-messages?conversation_id=0524ffca-4a81-41b9-ac1e-9c529200bf33' \
  -H 'Accept: */*' \
  -H 'Accept-Language: en-US,en;q=0.9,vi;q=0.8,en-AU;q=0.7' \
  -H 'Connection: keep-alive' \
  -H 'Referer: http://localhost/app/13f717a8-aba2-4155-b139-817ca700651f/configuration' \
  -H 'Sec-Fetch-Dest: empty' \
  -H 'Sec-Fetch-Mode: cors' \
  -H 'Sec-Fetch-Site: same-origin' \
  -H 'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36 Edg/133.0.0.0' \
  -H 'authorization: Bearer <console access token>' \
  -H 'content-type: application/json' \
  -H 'sec-ch-ua: "Not(A:Brand";v="99", "Microsoft Edge";v="133", "Chromium";v="133"' \
  -H 'sec-ch-ua-mobile: ?0' \
  -H 'sec-ch-ua-platform: "Windows"'
