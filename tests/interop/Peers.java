// Does what peers.mjs does, with jose4j.

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jose4j.json.JsonUtil;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.keys.HmacKey;

public class Peers {
    @SuppressWarnings("unchecked")
    public static void main(String[] arguments) throws Exception {
        byte[] input = System.in.readAllBytes();
        Map<String, Object> request =
            JsonUtil.parseJson(new String(input, StandardCharsets.UTF_8));
        String secret = (String) request.get("secret");
        HmacKey key = new HmacKey(secret.getBytes(StandardCharsets.UTF_8));

        List<String> signed = new ArrayList<>();
        for (Map<String, Object> claims : (List<Map<String, Object>>) request.get("claims")) {
            JsonWebSignature token = new JsonWebSignature();
            token.setAlgorithmHeaderValue("HS256");
            token.setKey(key);
            token.setPayload(JsonUtil.toJson(claims));
            signed.add(token.getCompactSerialization());
        }

        JwtConsumer consumer = new JwtConsumerBuilder()
            .setVerificationKey(key)
            .setJwsAlgorithmConstraints(ConstraintType.PERMIT, "HS256")
            .setSkipDefaultAudienceValidation()
            .build();
        List<Map<String, Object>> verified = new ArrayList<>();
        for (String token : (List<String>) request.get("tokens")) {
            try {
                verified.add(consumer.processToClaims(token).getClaimsMap());
            } catch (InvalidJwtException refusal) {
                verified.add(null);
            }
        }
        String answer = JsonUtil.toJson(Map.of("signed", signed, "verified", verified));
        System.out.write(answer.getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
